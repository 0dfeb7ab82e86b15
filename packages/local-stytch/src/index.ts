export type * from './api';
export { startLocalStytch } from './startLocalStytch';

/** Express 4, which the tutorial uses. The part that is used here has the types of Express 5. */
declare module 'express4' {
  export { default } from 'express';
}

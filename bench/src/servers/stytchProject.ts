import { setting } from './listen';

/** The Stytch project of the environment, as either version of the SDK takes it. */
export const stytchProject = {
  project_id: setting('STYTCH_PROJECT_ID'),
  secret: setting('STYTCH_SECRET'),
  env: setting('STYTCH_BASE_URL'),
};

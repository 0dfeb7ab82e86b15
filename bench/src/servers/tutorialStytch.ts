import { Client } from 'stytch9';
import { setting } from './listen';

/** The Stytch SDK of the article's time. */
export const client = new Client({
  project_id: setting('STYTCH_PROJECT_ID'),
  secret: setting('STYTCH_SECRET'),
  env: setting('STYTCH_BASE_URL'),
});

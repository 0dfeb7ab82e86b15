import { Client } from 'stytch';
import { setting } from './listen';
import { stytchProject } from './stytchProject';

const client = new Client(stytchProject);
const credentials = { client_id: setting('CLIENT_ID'), client_secret: setting('CLIENT_SECRET') };

/** Makes one token request through the SDK. */
export function requestToken(): Promise<{ access_token: string; expires_in: number }> {
  return client.m2m.token({ ...credentials, scopes: ['read:users'] });
}

import { Client } from 'stytch';
import {
  type AccessTokenEvent,
  AccessTokens,
  type AcquiredToken,
  ClientCredentials,
  SecretRotation,
} from 'stytch-m2m';
import type { Config } from '../config';

/** What the payment-server may do with a wallet, and so all that its M2M client holds. */
const walletScopes = ['read:users'];

/** Stytch, as the payment-server uses it. */
export interface Stytch {
  client: Client;
  /** An access token with scope `read:users`: kept, or new (RFC 6749 §4.4). */
  getM2MAccessToken: () => Promise<AcquiredToken>;
  dropM2MAccessToken: (accessToken: string) => void;
  rotation: SecretRotation;
}

/** The SDK's client, and on it the access tokens and the secret of the M2M client payment-service. */
export function createStytch(config: Config, onEvent: (event: AccessTokenEvent) => void): Stytch {
  const client = new Client({
    project_id: config.STYTCH_PROJECT_ID,
    secret: config.STYTCH_SECRET,
    ...(config.STYTCH_BASE_URL !== undefined && { env: config.STYTCH_BASE_URL }),
  });
  const credentials = new ClientCredentials(config.CLIENT_ID, config.CLIENT_SECRET);
  const accessTokens = new AccessTokens({ client, credentials, onEvent });
  return {
    client,
    getM2MAccessToken: () => accessTokens.get(walletScopes),
    dropM2MAccessToken: (accessToken) => {
      accessTokens.drop(accessToken);
    },
    rotation: new SecretRotation({ client, credentials }),
  };
}

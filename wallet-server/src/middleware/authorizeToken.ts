import { Client } from 'stytch';
import { type Authorizer, createAuthorizer, stytchConfig } from 'stytch-m2m';
import type { Config } from '../config';
import type { WalletMetrics } from '../metrics';

/**
 * Creates the authorizer. Its `authorizeToken('read:users')` is the middleware that protects a route. It verifies access
 * tokens locally, with the project's JWKS from Stytch.
 */
export function createTokenAuthorizer(
  { STYTCH_PROJECT_ID, STYTCH_SECRET, STYTCH_BASE_URL }: Config,
  { onAuthorization, onJwksFetch }: WalletMetrics,
): Authorizer {
  const client = new Client(
    stytchConfig({ projectId: STYTCH_PROJECT_ID, secret: STYTCH_SECRET, baseUrl: STYTCH_BASE_URL }),
  );
  return createAuthorizer({
    client,
    projectId: STYTCH_PROJECT_ID,
    baseUrl: STYTCH_BASE_URL,
    realm: 'wallet-server',
    onAuthorization,
    onJwksFetch,
  });
}

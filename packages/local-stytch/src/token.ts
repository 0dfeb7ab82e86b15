import { SignJWT } from 'jose';
import { OAuthError } from './errors';
import { hashOfNothing, hashSecret, isAmong } from './secrets';
import type { State, StoredClient } from './state';
import type { TokenRequest } from './tokenRequest';

/**
 * POST /v1/public/{project_id}/oauth2/token: the client credentials grant (RFC 6749 §4.4).
 *
 * @throws OAuthError
 */
export async function issueToken(state: State, request: TokenRequest) {
  const client = await authenticateClient(state, request);
  const scope = grantedScope(client, request.scope);
  const { kid, privateKey } = state.keys.current;
  const claims = standardClaims(state, client.clientId, scope);
  const accessToken = await new SignJWT(claims)
    .setProtectedHeader({ alg: 'RS256', kid, typ: 'JWT' })
    .sign(privateKey);
  return { access_token: accessToken, token_type: 'bearer', expires_in: state.tokenLifetimeSeconds };
}

/** The claims of an access token, as Stytch sets them. Times are in seconds since 1970. */
export function standardClaims(state: State, clientId: string, scope: string) {
  const now = state.clock.seconds();
  return {
    sub: clientId,
    iss: `stytch.com/${state.projectId}`,
    aud: [state.projectId],
    scope,
    iat: now,
    nbf: now,
    exp: now + state.tokenLifetimeSeconds,
  };
}

/**
 * Answers an unknown client, a wrong secret and an inactive client alike, and after the same work: one hash,
 * compared with two, whether there are two or none.
 */
async function authenticateClient(state: State, request: TokenRequest): Promise<StoredClient> {
  const salt = state.clients.get(request.clientId)?.salt ?? state.saltOfNobody;
  const hash = await hashSecret(request.clientSecret, salt);
  // Looked up again: the client may have been rotated, deactivated or deleted during the wait.
  const client = state.clients.get(request.clientId);
  const known = [client?.secret.hash ?? hashOfNothing, client?.nextSecret?.hash ?? hashOfNothing];
  if (!isAmong(hash, known) || client?.status !== 'active') {
    throw new OAuthError('invalid_client', 'Client authentication failed.');
  }
  return client;
}

/** RFC 6749 §3.3: a space-delimited list. Left out, it means all scopes of the client. */
function grantedScope(client: StoredClient, requested: string | undefined): string {
  if (requested === undefined) return client.scopes.join(' ');
  const scopes = [...new Set(requested.split(' '))];
  if (!scopes.every((scope) => client.scopes.includes(scope))) {
    throw new OAuthError('invalid_scope', 'The client does not hold a scope that was requested.');
  }
  return scopes.join(' ');
}

import { renderClaims } from './claimsTemplate';
import { OAuthError } from './errors';
import { signJwt } from './jwt';
import { hashOfNothing, hashSecret, isAmong } from './secrets';
import type { State, StoredClient } from './state';
import type { TokenRequest } from './tokenRequest';

/**
 * POST /v1/public/{project_id}/oauth2/token: the client credentials grant (RFC 6749 §4.4).
 *
 * @returns the answer, and the claims of its token.
 * @throws OAuthError
 */
export async function issueToken(state: State, request: TokenRequest) {
  return grantToken(state, await authenticateClient(state, request), request.scope);
}

/**
 * Issues a token to a client that is authenticated.
 *
 * @param requestedScope undefined: all scopes of the client.
 * @throws OAuthError
 */
export async function grantToken(state: State, client: StoredClient, requestedScope: string | undefined) {
  const scope = grantedScope(client, requestedScope);
  const key = state.keys.current;
  const claims = tokenClaims(state, client, scope);
  const header = { alg: 'RS256', kid: key.kid, typ: 'JWT' };
  const token = await signJwt(header, JSON.stringify(claims), key);
  state.tokens.add('issued', token);
  const answer = {
    access_token: token,
    token_type: 'bearer',
    expires_in: state.settings.tokenLifetimeSeconds,
  };
  return { answer, claims };
}

/** The claims of an access token, as Stytch sets them. Times are in seconds since 1970. */
export function tokenClaims(state: State, client: StoredClient, scope: string): Record<string, unknown> {
  const { issuer, tokenLifetimeSeconds, claimsTemplate = {} } = state.settings;
  const now = state.clock.seconds();
  return {
    aud: [state.projectId],
    ...renderClaims(claimsTemplate, client.trustedMetadata),
    ...client.claims,
    sub: client.clientId,
    iss: issuer === 'base_url' ? state.baseUrl : `stytch.com/${state.projectId}`,
    scope,
    iat: now,
    nbf: now,
    exp: now + tokenLifetimeSeconds,
  };
}

/**
 * Gives the same answer to an unknown client, a wrong secret and an inactive client, after the same work: one hash,
 * compared with two others.
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

/** RFC 6749 §3.3: a space-delimited list. Without it the token has all scopes of the client. */
function grantedScope(client: StoredClient, requested: string | undefined): string {
  if (requested === undefined) return client.scopes.join(' ');
  const scopes = [...new Set(requested.split(' '))];
  if (!scopes.every((scope) => client.scopes.includes(scope))) {
    throw new OAuthError('invalid_scope', 'The client does not hold a scope that was requested.');
  }
  return scopes.join(' ');
}

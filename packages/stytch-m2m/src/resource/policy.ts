import { scopeList } from '../stytch/scopeList';
import { AccessDeniedError, InsufficientScopeError, TokenTooOldError } from './authorizationErrors';
import { hasScope } from './scopes';
import type { M2MClientIdentity, VerifiedToken } from './verifiedTokenCache';

export interface AuthorizeTokenOptions<Claims extends object = Record<string, unknown>> {
  /** Whether a token needs `all` of the required scopes, or `any` one of them. Default `all`. */
  match?: 'all' | 'any';
  /** A further condition beside the scopes, for example on the custom claims. `false` is 403 `access_denied`. */
  check?: (client: M2MClientIdentity<Claims>) => boolean | Promise<boolean>;
  /** The maximum time since the token was issued, for a resource that cannot wait for `exp`. Seconds, default none. */
  maxTokenAgeSeconds?: number;
  /** The tolerated difference between the clocks of Stytch and of this machine. Seconds, default 5. */
  clockToleranceSeconds?: number;
  /** The realm of this route. Default: the authorizer's. */
  realm?: string;
}

/** The requirements of a route on an access token. */
export interface Policy {
  realm: string;
  requiredScopes: readonly string[];
  match: 'all' | 'any';
  check: AuthorizeTokenOptions['check'];
  maxTokenAgeSeconds: number | undefined;
  clockToleranceSeconds: number;
}

/** @throws TypeError when a scope or an option is not valid. */
export function createPolicy(
  scopes: string | readonly string[],
  options: AuthorizeTokenOptions & { realm: string },
): Policy {
  const { realm, match = 'all', check, maxTokenAgeSeconds, clockToleranceSeconds = 5 } = options;
  const requiredScopes = scopeList(scopes);
  if (typeof (realm as unknown) !== 'string' || !/^[\w .:/-]+$/.test(realm))
    throw new TypeError('realm must be of letters, digits, spaces and -._:/');
  if (!(clockToleranceSeconds >= 0)) throw new TypeError('clockToleranceSeconds must be 0 or more seconds');
  if (maxTokenAgeSeconds !== undefined && !(maxTokenAgeSeconds >= 0)) {
    throw new TypeError('maxTokenAgeSeconds must be 0 or more seconds');
  }
  if ((match as unknown) !== 'all' && match !== 'any') throw new TypeError("match must be 'all' or 'any'");
  if (match === 'any' && requiredScopes.length === 0) {
    throw new TypeError("match: 'any' needs at least one scope");
  }
  return { realm, requiredScopes, match, check, maxTokenAgeSeconds, clockToleranceSeconds };
}

/**
 * Checks age, scopes and `check` of a verified token.
 *
 * @throws TokenTooOldError, InsufficientScopeError, AccessDeniedError
 */
export function checkPolicy(
  { client, issuedAt = -Infinity }: VerifiedToken,
  policy: Policy,
): M2MClientIdentity | Promise<M2MClientIdentity> {
  const { realm, requiredScopes, match, check, maxTokenAgeSeconds } = policy;
  if (maxTokenAgeSeconds !== undefined && Date.now() / 1_000 >= issuedAt + maxTokenAgeSeconds) {
    throw new TokenTooOldError(realm);
  }
  const has = (required: string) => hasScope(client.scopes, required);
  const hasScopes = match === 'all' ? requiredScopes.every(has) : requiredScopes.some(has);
  if (!hasScopes) throw new InsufficientScopeError(realm, requiredScopes);
  return check ? checkClient(client, check, realm) : client;
}

async function checkClient(
  client: M2MClientIdentity,
  check: NonNullable<Policy['check']>,
  realm: string,
): Promise<M2MClientIdentity> {
  // Only true lets a request pass: in JavaScript a check may forget its return.
  const allowed: unknown = await check(client);
  if (allowed === true) return client;
  throw new AccessDeniedError(realm);
}

import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  AuthorizationError,
  AuthorizationUnavailableError,
  InsufficientScopeError,
  InvalidTokenError,
  TokenTooOldError,
} from './authorizationErrors';
import { bearerToken, type IncomingRequest } from './bearerToken';
import { JwksUnavailableError } from './jwksCache';
import { hasScope } from './scopes';
import { TokenVerifier, type TokenVerifierOptions } from './tokenVerifier';
import { type M2MClientIdentity, type VerifiedToken, VerifiedTokenCache } from './verifiedTokenCache';
import { TokenRejectedError } from './verifyToken';

declare global {
  // eslint-disable-next-line @typescript-eslint/no-namespace -- the way that Express's types are extended
  namespace Express {
    interface Request {
      /** Who calls; there once `authorizeToken` has let the request pass. */
      m2mClient?: M2MClientIdentity;
    }
  }
}

export interface AuthorizerOptions extends TokenVerifierOptions {
  /** The `realm` of the challenges: the name of what is protected. Letters, digits, spaces and `-._:/`. */
  realm: string;
  /** Called with the outcome of every authorization, for metrics. */
  onAuthorization?: (outcome: AuthorizationOutcome) => void;
}

/** `allowed`, or the code of the refusal. */
export type AuthorizationOutcome =
  | 'allowed'
  | 'unauthorized'
  | 'invalid_request'
  | 'invalid_token'
  | 'token_too_old'
  | 'insufficient_scope'
  | 'authorization_unavailable';

export interface AuthorizeTokenOptions {
  /** Whether a token has to have all of the required scopes, or any one of them. Default `all`. */
  match?: 'all' | 'any';
  /** The longest time since the token was issued, for a resource that cannot wait for `exp`. Seconds, default none. */
  maxTokenAgeSeconds?: number;
  /** How far the clocks of Stytch and of this machine may differ. Seconds, default 5. */
  clockToleranceSeconds?: number;
  /** In place of the authorizer's. */
  realm?: string;
}

/** Middleware for Express, Connect and whatever else calls functions of this kind. */
export type AuthorizeTokenMiddleware = (
  request: IncomingMessage & { m2mClient?: M2MClientIdentity },
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

export interface Authorizer {
  /**
   * Middleware that lets a request pass when its access token is the project's, in time, and has the required
   * scopes; `request.m2mClient` then says who calls. Otherwise it passes an `AuthorizationError` to the error
   * handler, with status and `WWW-Authenticate` (RFC 6750 §3).
   *
   * @throws TypeError when an option is not what it should be.
   */
  readonly authorizeToken: (
    requiredScopes: string | readonly string[],
    options?: AuthorizeTokenOptions,
  ) => AuthorizeTokenMiddleware;
  /** Whether the JWKS is there, so that tokens can be verified. */
  readonly isReady: () => boolean;
  /** Begins to fetch the JWKS, before the first request needs it. */
  readonly start: () => void;
  readonly stop: () => void;
}

/** An authorizer for the access tokens of one Stytch project. */
export function createAuthorizer(options: AuthorizerOptions): Authorizer {
  const verifier = new TokenVerifier(options);
  const emit = (outcome: AuthorizationOutcome) => {
    try {
      options.onAuthorization?.(outcome);
    } catch {
      // A hook that fails is no reason to let a request pass or fail.
    }
  };
  return {
    authorizeToken: (requiredScopes, routeOptions = {}) => {
      const policy = createPolicy(requiredScopes, { realm: options.realm, ...routeOptions });
      return createMiddleware(verifier, policy, emit);
    },
    isReady: () => verifier.jwks.available,
    start: () => {
      verifier.jwks.start();
    },
    stop: () => {
      verifier.jwks.stop();
    },
  };
}

/** What a route demands of an access token. */
interface Policy {
  realm: string;
  requiredScopes: readonly string[];
  match: 'all' | 'any';
  maxTokenAgeSeconds: number | undefined;
  clockToleranceSeconds: number;
}

function createPolicy(
  requiredScopes: string | readonly string[],
  options: AuthorizeTokenOptions & { realm: string },
): Policy {
  const { realm, match = 'all', maxTokenAgeSeconds, clockToleranceSeconds = 5 } = options;
  if (!(clockToleranceSeconds >= 0)) throw new TypeError('clockToleranceSeconds must be 0 or more seconds');
  if (maxTokenAgeSeconds !== undefined && !(maxTokenAgeSeconds >= 0)) {
    throw new TypeError('maxTokenAgeSeconds must be 0 or more seconds');
  }
  return { realm, requiredScopes: [requiredScopes].flat(), match, maxTokenAgeSeconds, clockToleranceSeconds };
}

function createMiddleware(
  verifier: TokenVerifier,
  policy: Policy,
  emit: (outcome: AuthorizationOutcome) => void,
): AuthorizeTokenMiddleware {
  /** Anything unexpected is passed on as it is: it says nothing about the token. */
  const refusal = (error: unknown): unknown => {
    const refused = asAuthorizationError(error, policy.realm);
    if (refused) emit(refused.code as AuthorizationOutcome);
    return refused ?? error;
  };
  return (request, _response, next) => {
    const allow = (client: M2MClientIdentity) => {
      request.m2mClient = client;
      emit('allowed');
      next();
    };
    let client: M2MClientIdentity | Promise<M2MClientIdentity>;
    try {
      client = authorize(verifier, request, policy);
    } catch (error) {
      next(refusal(error));
      return;
    }
    if (client instanceof Promise) {
      client.then(allow, (error: unknown) => {
        next(refusal(error));
      });
    } else allow(client);
  };
}

/** For a cached token the answer is there at once: a promise would cost a request more than the check. */
function authorize(
  verifier: TokenVerifier,
  request: IncomingRequest,
  policy: Policy,
): M2MClientIdentity | Promise<M2MClientIdentity> {
  const { realm, clockToleranceSeconds } = policy;
  const token = bearerToken(request, realm);
  const digest = VerifiedTokenCache.digest(token);
  const cached = verifier.getCached(digest, clockToleranceSeconds);
  if (cached) return checkPolicy(cached, policy);
  return verifier
    .verify(token, digest, clockToleranceSeconds)
    .then((verified) => checkPolicy(verified, policy));
}

function checkPolicy({ client, issuedAt = -Infinity }: VerifiedToken, policy: Policy): M2MClientIdentity {
  const { realm, requiredScopes, match, maxTokenAgeSeconds } = policy;
  if (maxTokenAgeSeconds !== undefined && Date.now() / 1_000 >= issuedAt + maxTokenAgeSeconds) {
    throw new TokenTooOldError(realm);
  }
  const has = (required: string) => hasScope(client.scopes, required);
  const allowed = match === 'all' ? requiredScopes.every(has) : requiredScopes.some(has);
  if (!allowed) throw new InsufficientScopeError(realm, requiredScopes);
  return client;
}

function asAuthorizationError(error: unknown, realm: string): AuthorizationError | undefined {
  if (error instanceof AuthorizationError) return error;
  if (error instanceof JwksUnavailableError) {
    return new AuthorizationUnavailableError(error.retryAfterSeconds, error);
  }
  return error instanceof TokenRejectedError ? new InvalidTokenError(realm, error) : undefined;
}

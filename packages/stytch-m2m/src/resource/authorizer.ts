import type { IncomingMessage, ServerResponse } from 'node:http';
import { AuthorizationError, AuthorizationUnavailableError, InvalidTokenError } from './authorizationErrors';
import { type AuthorizeMessage, channels, traced } from '../tracing';
import { type AuthorizationSource, bearerToken } from './bearerToken';
import { JwksUnavailableError } from './jwksCache';
import { type AuthorizeTokenOptions, checkPolicy, createPolicy, type Policy } from './policy';
import { TokenVerifier, type TokenVerifierOptions } from './tokenVerifier';
import { type M2MClientIdentity, VerifiedTokenCache } from './verifiedTokenCache';
import { TokenRejectedError } from './verifyToken';

declare global {
  // eslint-disable-next-line @typescript-eslint/no-namespace -- the way that Express's types are extended
  namespace Express {
    interface Request {
      /** The calling M2M client. Set by `authorizeToken`. */
      m2mClient?: M2MClientIdentity;
    }
  }
}

export interface AuthorizerOptions extends TokenVerifierOptions {
  /** The `realm` of the challenges: a name of the protected resource. Letters, digits, spaces and `-._:/`. */
  realm: string;
  /** Called with the outcome of every authorization, for metrics. */
  onAuthorization?: (outcome: AuthorizationOutcome) => void;
}

/**
 * Every outcome of an authorization: `allowed`, or the code of the refusal. Counters can start each at 0.
 *
 * @example
 * import { authorizationOutcomes } from 'stytch-m2m';
 *
 * const counts = new Map(authorizationOutcomes.map((outcome) => [outcome, 0]));
 * console.log(counts.get('allowed')); // 0
 */
export const authorizationOutcomes = [
  'allowed',
  'unauthorized',
  'invalid_request',
  'invalid_token',
  'token_too_old',
  'insufficient_scope',
  'access_denied',
  'authorization_unavailable',
] as const;

/** `allowed`, or the code of the refusal. */
export type AuthorizationOutcome = (typeof authorizationOutcomes)[number];

/** Middleware for Express 4 and 5, Connect, NestJS and other frameworks on `node:http`. */
export type AuthorizeTokenMiddleware = (
  request: IncomingMessage & { m2mClient?: M2MClientIdentity },
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

export interface Authorizer<Claims extends object = Record<string, unknown>> {
  /**
   * Authorizes a request of any framework: its access token must be the project's, in time, and have the required
   * scopes (RFC 6750).
   *
   * @param from the value of the `Authorization` header, a Fetch `Headers`, or an object with `headers`: a request of
   *   Node or of Fetch. Pass Node's request where there is one: its `rawHeaders` show a second `Authorization` header.
   * @param scopes one scope, several separated by spaces, or a list. An empty list accepts any valid token.
   * @param options as for `authorizeToken`. `context` is any value: subscribers of the tracing channels get it.
   * @throws AuthorizationError with status, headers and body of the answer.
   * @throws TypeError when an argument is not valid.
   */
  readonly authorize: (
    from: AuthorizationSource,
    scopes: string | readonly string[],
    options?: AuthorizeTokenOptions<Claims> & { context?: unknown },
  ) => Promise<M2MClientIdentity<Claims>>;
  /**
   * Creates middleware that authorizes each request, as `authorize` does. It sets `request.m2mClient`, or passes the
   * `AuthorizationError` to the error handler.
   *
   * @throws TypeError when an argument is not valid.
   */
  readonly authorizeToken: (
    scopes: string | readonly string[],
    options?: AuthorizeTokenOptions<Claims>,
  ) => AuthorizeTokenMiddleware;
  /** Whether the JWKS has been fetched, so that tokens can be verified. */
  readonly isReady: () => boolean;
  /** Fetches the JWKS before the first request needs it. Retries until it succeeds or `stop` is called. */
  readonly start: () => void;
  /** Ends the retries of `start`. */
  readonly stop: () => void;
}

/**
 * Creates an authorizer for the access tokens of one Stytch project. The type parameter is the type of the custom
 * claims: the project's JWT template decides it, and nothing checks it at run time, unless `check` does.
 *
 * @throws TypeError when an option is not valid.
 *
 * @example
 * import { createAuthorizer } from 'stytch-m2m';
 *
 * const { STYTCH_PROJECT_ID = '', STYTCH_BASE_URL } = process.env;
 * const authorizer = createAuthorizer({
 *   projectId: STYTCH_PROJECT_ID,
 *   baseUrl: STYTCH_BASE_URL,
 *   realm: 'wallet-server',
 * });
 *
 * authorizer.authorize('Bearer garbage', 'read:users').catch((error) => console.log(error.status)); // 401
 */
export function createAuthorizer<Claims extends object = Record<string, unknown>>(
  options: AuthorizerOptions,
): Authorizer<Claims> {
  const verifier = new TokenVerifier(options);
  const { realm, onAuthorization } = options;
  const emit = (outcome: AuthorizationOutcome) => {
    try {
      onAuthorization?.(outcome);
    } catch {
      // A failing hook must neither allow nor refuse a request.
    }
  };
  const end = (outcome: AuthorizationOutcome, message: AuthorizeMessage | undefined) => {
    if (message) message.outcome = outcome;
    emit(outcome);
  };
  /** Unexpected errors stay as they are: they say nothing about the token. */
  const refuse = (error: unknown, policy: Policy, message: AuthorizeMessage | undefined): Error => {
    const refusal = asAuthorizationError(error, policy.realm);
    if (refusal) end(refusal.code as AuthorizationOutcome, message);
    return refusal ?? (error as Error);
  };
  /** Synchronous for a cached token: a promise would cost more than the check. */
  const decide = (
    from: AuthorizationSource,
    policy: Policy,
    message?: AuthorizeMessage,
  ): M2MClientIdentity | Promise<M2MClientIdentity> => {
    const allow = (client: M2MClientIdentity) => {
      end('allowed', message);
      return client;
    };
    try {
      const client = identify(verifier, from, policy, message);
      if (!(client instanceof Promise)) return allow(client);
      return client.then(allow, (error: unknown) => {
        throw refuse(error, policy, message);
      });
    } catch (error) {
      throw refuse(error, policy, message);
    }
  };
  const authorize = (from: AuthorizationSource, policy: Policy, context?: unknown) => {
    if (!channels.authorize.hasSubscribers) return decide(from, policy);
    const request = typeof from === 'object' && from !== null ? from : undefined;
    const message: AuthorizeMessage = { request, requiredScopes: policy.requiredScopes, context };
    return traced(channels.authorize, message, () => decide(from, policy, message));
  };
  const policyOf = (scopes: string | readonly string[], routeOptions: AuthorizeTokenOptions<Claims> = {}) =>
    createPolicy(scopes, { realm, ...routeOptions } as AuthorizeTokenOptions & { realm: string });
  policyOf([]);
  return {
    authorize: async (from, scopes, { context, ...routeOptions } = {}) => {
      const client = await authorize(from, policyOf(scopes, routeOptions), context);
      return client as M2MClientIdentity<Claims>;
    },
    authorizeToken: (scopes, routeOptions) => {
      const policy = policyOf(scopes, routeOptions);
      return (request, _response, next) => {
        const allow = (client: M2MClientIdentity) => {
          request.m2mClient = client;
          next();
        };
        let client: M2MClientIdentity | Promise<M2MClientIdentity>;
        try {
          client = authorize(request, policy);
        } catch (error) {
          next(error);
          return;
        }
        if (client instanceof Promise) client.then(allow, next);
        else allow(client);
      };
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

function identify(
  verifier: TokenVerifier,
  from: AuthorizationSource,
  policy: Policy,
  message: AuthorizeMessage | undefined,
): M2MClientIdentity | Promise<M2MClientIdentity> {
  const { realm, clockToleranceSeconds } = policy;
  const token = bearerToken(from, realm);
  const digest = VerifiedTokenCache.digest(token);
  const cached = verifier.getCached(digest, clockToleranceSeconds);
  if (message) message.cached = cached !== undefined;
  if (cached) return checkPolicy(cached, policy);
  return verifier
    .verify(token, digest, clockToleranceSeconds, message?.context)
    .then((verified) => checkPolicy(verified, policy));
}

function asAuthorizationError(error: unknown, realm: string): AuthorizationError | undefined {
  if (AuthorizationError.is(error)) return error;
  if (error instanceof JwksUnavailableError) {
    return new AuthorizationUnavailableError(error.retryAfterSeconds, error);
  }
  return error instanceof TokenRejectedError ? new InvalidTokenError(realm, error) : undefined;
}

import type { Request, RequestHandler } from 'express';
import {
  AuthorizationError,
  AuthorizationUnavailable,
  InsufficientScope,
  InvalidToken,
  InvalidTokenRequest,
  TokenTooOldError,
  Unauthorized,
} from './authorizationErrors';
import { satisfies } from './scopes';
import { KeysUnavailable } from './signingKeys';
import { TokenRejected, TokenVerifier, type TokenVerifierOptions } from './tokenVerifier';
import { type M2MClientIdentity, type VerifiedToken, VerifiedTokens } from './verifiedTokens';

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
  /** Whether a token has to hold all of the required scopes, or any one of them. Default `all`. */
  match?: 'all' | 'any';
  /** The longest time since the token was issued, for a resource that cannot wait for `exp`. Seconds, default none. */
  maxTokenAgeSeconds?: number;
  /** How far the clocks of Stytch and of this machine may differ. Seconds, default 5. */
  clockToleranceSeconds?: number;
  /** In place of the authorizer's. */
  realm?: string;
}

export interface Authorizer {
  /**
   * Express middleware that lets a request pass when its access token is the project's, in time, and holds
   * the required scopes; `request.m2mClient` then tells who calls. Otherwise it passes an
   * `AuthorizationError` to the error handler, with status and `WWW-Authenticate` (RFC 6750 §3).
   */
  readonly authorizeToken: (
    requiredScopes: string | readonly string[],
    options?: AuthorizeTokenOptions,
  ) => RequestHandler;
  /** Whether the signing keys are there, so that tokens can be judged. */
  readonly isReady: () => boolean;
  /** Begins to fetch the signing keys, before the first request needs them. */
  readonly start: () => void;
  readonly stop: () => void;
}

/** An authorizer for the access tokens of one Stytch project. */
export function createAuthorizer(options: AuthorizerOptions): Authorizer {
  const verifier = new TokenVerifier(options);
  return {
    authorizeToken: (requiredScopes, routeOptions = {}) =>
      createMiddleware(verifier, options, [requiredScopes].flat(), routeOptions),
    isReady: () => verifier.keys.available,
    start: () => {
      verifier.keys.prefetch();
    },
    stop: () => {
      verifier.keys.stop();
    },
  };
}

function createMiddleware(
  verifier: TokenVerifier,
  { realm: defaultRealm, onAuthorization }: AuthorizerOptions,
  requiredScopes: readonly string[],
  {
    match = 'all',
    maxTokenAgeSeconds,
    clockToleranceSeconds = 5,
    realm = defaultRealm,
  }: AuthorizeTokenOptions,
): RequestHandler {
  const holds = (scopes: readonly string[]) =>
    match === 'all'
      ? requiredScopes.every((required) => satisfies(scopes, required))
      : requiredScopes.some((required) => satisfies(scopes, required));

  const tell = (outcome: AuthorizationOutcome) => {
    try {
      onAuthorization?.(outcome);
    } catch {
      // A hook that fails is no reason to let a request pass or fail.
    }
  };

  const admit = (request: Request, token: VerifiedToken) => {
    checkTimes(token, clockToleranceSeconds);
    if (isTooOld(token, maxTokenAgeSeconds)) throw new TokenTooOldError(realm);
    if (!holds(token.client.scopes)) throw new InsufficientScope(realm, requiredScopes);
    request.m2mClient = token.client;
    tell('allowed');
  };

  /** Anything unexpected is passed on as it is: it says nothing about the token. */
  const refusal = (error: unknown): unknown => {
    const refused = asAuthorizationError(error, realm);
    if (refused) tell(refused.code as AuthorizationOutcome);
    return refused ?? error;
  };

  return (request, _response, next) => {
    try {
      const token = bearerToken(request, realm);
      const digest = VerifiedTokens.digest(token);
      const recalled = verifier.recall(digest);
      if (recalled) {
        admit(request, recalled);
      } else {
        verifier
          .verify(token, digest)
          .then((verified) => {
            admit(request, verified);
          })
          .then(
            () => {
              next();
            },
            (error: unknown) => {
              next(refusal(error));
            },
          );
        return;
      }
    } catch (error) {
      next(refusal(error));
      return;
    }
    next();
  };
}

/** What is read of a request; frameworks other than Express may not have the raw headers. */
interface IncomingHeaders {
  headers: Request['headers'];
  rawHeaders?: readonly string[];
}

/**
 * The token of the `Authorization` header (RFC 6750 §2.1). Tokens in the query or the body are not looked at.
 *
 * @throws Unauthorized when there are no credentials, or those of another scheme.
 * @throws InvalidTokenRequest when the header is, or may be, there twice, or is not a scheme and one token.
 */
function bearerToken({ headers, rawHeaders }: IncomingHeaders, realm: string): string {
  const { authorization } = headers;
  if (authorization === undefined) throw new Unauthorized(realm);
  if (authorization.slice(0, 6).toLowerCase() !== 'bearer') throw new Unauthorized(realm);
  const token = authorization.slice(6).replace(/^ +/, '');
  const separator = authorization.charAt(6);
  if (separator !== '' && separator !== ' ') throw new Unauthorized(realm);
  if (token === '' || token.includes(' ') || mayHaveTwo(rawHeaders)) throw new InvalidTokenRequest(realm);
  return token;
}

/** Names and values that Node reads of the headers, unless the server has another limit; Node 20 drops the rest. */
const mostRawHeaders = 2_000;

/**
 * Node keeps the first of several `Authorization` headers; a proxy before it may have looked at the last. Where
 * there are so many headers that Node dropped some, a second one may be among them.
 */
function mayHaveTwo(rawHeaders: readonly string[] = []): boolean {
  if (rawHeaders.length >= mostRawHeaders) return true;
  let seen = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index];
    if (name?.length === 13 && name.toLowerCase() === 'authorization') seen += 1;
  }
  return seen > 1;
}

function asAuthorizationError(error: unknown, realm: string): AuthorizationError | undefined {
  if (error instanceof AuthorizationError) return error;
  if (error instanceof KeysUnavailable) return new AuthorizationUnavailable(error.retryAfterSeconds, error);
  return error instanceof TokenRejected ? new InvalidToken(realm, error) : undefined;
}

/** Each check says what must be so: a setting that is not a number (NaN) lets nothing pass. */
function checkTimes({ expiresAt, notBefore = 0 }: VerifiedToken, toleranceSeconds: number): void {
  const now = Date.now() / 1_000;
  if (!(now < expiresAt + toleranceSeconds)) throw new TokenRejected('expired');
  if (!(now >= notBefore - toleranceSeconds)) throw new TokenRejected('not yet valid');
}

function isTooOld({ issuedAt = -Infinity }: VerifiedToken, maxAgeSeconds: number | undefined): boolean {
  return maxAgeSeconds !== undefined && !(Date.now() / 1_000 < issuedAt + maxAgeSeconds);
}

/**
 * The refusals of a resource server (RFC 6750 §3). Each carries its own answer: the status, a code and
 * message for the body, and the headers; `expose` says that all of it is meant for the caller.
 */
export abstract class AuthorizationError extends Error {
  abstract readonly status: number;
  abstract readonly code: string;
  readonly expose = true;

  protected constructor(
    message: string,
    readonly headers: Readonly<Record<string, string>>,
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
  }
}

function challenge(realm: string, parameters: Readonly<Record<string, string>> = {}): Record<string, string> {
  const all = Object.entries({ realm, ...parameters }).map(([name, value]) => `${name}="${value}"`);
  return { 'WWW-Authenticate': `Bearer ${all.join(', ')}` };
}

/** No credentials: the challenge has no error code, for the caller may just not have known (RFC 6750 §3.1). */
export class UnauthorizedError extends AuthorizationError {
  override readonly name = 'UnauthorizedError';
  readonly status = 401;
  readonly code = 'unauthorized';

  constructor(realm: string) {
    super('Unauthorized', challenge(realm));
  }
}

/** The credentials are given in a form that RFC 6750 §2.1 does not know. */
export class InvalidRequestError extends AuthorizationError {
  override readonly name = 'InvalidRequestError';
  readonly status = 400;
  readonly code = 'invalid_request';

  constructor(realm: string) {
    super(
      'Send one Authorization header: Bearer <access token>',
      challenge(realm, { error: 'invalid_request' }),
    );
  }
}

/** The token is not valid. Why is for the log (`cause`), not for the caller. */
export class InvalidTokenError extends AuthorizationError {
  override readonly name = 'InvalidTokenError';
  readonly status = 401;
  readonly code = 'invalid_token';

  constructor(realm: string, cause: unknown) {
    super('Unauthorized', challenge(realm, { error: 'invalid_token' }), cause);
  }
}

/** The token was issued longer ago than this resource accepts: another one may be accepted. */
export class TokenTooOldError extends AuthorizationError {
  override readonly name = 'TokenTooOldError';
  readonly status = 401;
  readonly code = 'token_too_old';

  constructor(realm: string) {
    super('Unauthorized', challenge(realm, { error: 'invalid_token' }));
  }
}

/** The token is valid, and lacks a required scope. */
export class InsufficientScopeError extends AuthorizationError {
  override readonly name = 'InsufficientScopeError';
  readonly status = 403;
  readonly code = 'insufficient_scope';

  constructor(realm: string, requiredScopes: readonly string[]) {
    super('Forbidden', challenge(realm, { error: 'insufficient_scope', scope: requiredScopes.join(' ') }));
  }
}

/** The token cannot be verified now: the JWKS is unavailable. */
export class AuthorizationUnavailableError extends AuthorizationError {
  override readonly name = 'AuthorizationUnavailableError';
  readonly status = 503;
  readonly code = 'authorization_unavailable';

  constructor(retryAfterSeconds: number, cause: unknown) {
    super('Access tokens cannot be checked now', { 'Retry-After': String(retryAfterSeconds) }, cause);
  }
}

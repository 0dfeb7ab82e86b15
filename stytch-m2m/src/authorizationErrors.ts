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
export class Unauthorized extends AuthorizationError {
  override readonly name = 'Unauthorized';
  readonly status = 401;
  readonly code = 'unauthorized';

  constructor(realm: string) {
    super('Unauthorized', challenge(realm));
  }
}

/** The credentials are given in a form that RFC 6750 §2.1 does not know. */
export class InvalidTokenRequest extends AuthorizationError {
  override readonly name = 'InvalidTokenRequest';
  readonly status = 400;
  readonly code = 'invalid_request';

  constructor(realm: string) {
    super(
      'Send one Authorization header: Bearer <access token>',
      challenge(realm, { error: 'invalid_request' }),
    );
  }
}

/** The token does not hold. Why is for the log (`cause`), not for whoever sent it. */
export class InvalidToken extends AuthorizationError {
  override readonly name = 'InvalidToken';
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

/** The token holds, but not the scopes that this takes. */
export class InsufficientScope extends AuthorizationError {
  override readonly name = 'InsufficientScope';
  readonly status = 403;
  readonly code = 'insufficient_scope';

  constructor(realm: string, requiredScopes: readonly string[]) {
    super('Forbidden', challenge(realm, { error: 'insufficient_scope', scope: requiredScopes.join(' ') }));
  }
}

/** The token cannot be judged now, for the signing keys cannot be had. */
export class AuthorizationUnavailable extends AuthorizationError {
  override readonly name = 'AuthorizationUnavailable';
  readonly status = 503;
  readonly code = 'authorization_unavailable';

  constructor(retryAfterSeconds: number, cause: unknown) {
    super('Access tokens cannot be checked now', { 'Retry-After': String(retryAfterSeconds) }, cause);
  }
}

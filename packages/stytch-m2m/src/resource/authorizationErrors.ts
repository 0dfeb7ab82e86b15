const brand = Symbol.for('stytch-m2m.AuthorizationError');

/**
 * The refusals of a resource server (RFC 6750 §3). Each error contains its whole answer, in the form that web
 * frameworks look for: Express, Koa and Fastify use `status`, `statusCode`, `expose` and `headers`, Hono uses
 * `getResponse`.
 *
 * @example
 * import { AuthorizationError, UnauthorizedError } from 'stytch-m2m';
 *
 * const error: unknown = new UnauthorizedError('wallet-server');
 * if (AuthorizationError.is(error)) console.log(error.status, error.code, error.headers['WWW-Authenticate']);
 */
export abstract class AuthorizationError extends Error {
  /** The HTTP status of the answer. */
  abstract readonly status: number;
  /** The reason, for programs. */
  abstract readonly code: string;
  /** True: the message and the headers are meant for the caller. */
  readonly expose = true;

  protected constructor(
    message: string,
    /** `WWW-Authenticate` or `Retry-After`. */
    readonly headers: Readonly<Record<string, string>>,
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
  }

  /** Whether an error is an `AuthorizationError`, of this or of another installed copy of the package. */
  static is(error: unknown): error is AuthorizationError {
    return typeof error === 'object' && error !== null && brand in error;
  }

  /** The same as `status`. */
  get statusCode(): number {
    return this.status;
  }

  /** @internal */
  get [brand](): true {
    return true;
  }

  /** The answer as a Fetch `Response`, with a JSON body. */
  getResponse(): Response {
    const headers = { ...this.headers, 'Content-Type': 'application/json' };
    return new Response(JSON.stringify(this), { status: this.status, headers });
  }

  /** The body of the answer. */
  toJSON(): { error: string; code: string } {
    return { error: this.message, code: this.code };
  }
}

function challenge(realm: string, parameters: Readonly<Record<string, string>> = {}): Record<string, string> {
  const all = Object.entries({ realm, ...parameters }).map(([name, value]) => `${name}="${value}"`);
  return { 'WWW-Authenticate': `Bearer ${all.join(', ')}` };
}

/**
 * There are no credentials. The challenge has no error code (RFC 6750 §3.1).
 *
 * @example
 * import { UnauthorizedError } from 'stytch-m2m';
 *
 * console.log(new UnauthorizedError('wallet-server').headers);
 */
export class UnauthorizedError extends AuthorizationError {
  override readonly name = 'UnauthorizedError';
  readonly status = 401;
  readonly code = 'unauthorized';

  constructor(realm: string) {
    super('Unauthorized', challenge(realm));
  }
}

/**
 * The credentials do not have the form of RFC 6750 §2.1.
 *
 * @example
 * import { InvalidRequestError } from 'stytch-m2m';
 *
 * console.log(new InvalidRequestError('wallet-server').headers);
 */
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

/**
 * The token is not valid. The reason (`cause`) is for the log, not for the caller.
 *
 * @example
 * import { InvalidTokenError } from 'stytch-m2m';
 *
 * console.log(new InvalidTokenError('wallet-server', new Error('expired')).headers);
 */
export class InvalidTokenError extends AuthorizationError {
  override readonly name = 'InvalidTokenError';
  readonly status = 401;
  readonly code = 'invalid_token';

  constructor(realm: string, cause: unknown) {
    super('Unauthorized', challenge(realm, { error: 'invalid_token' }), cause);
  }
}

/**
 * The token is older than this resource accepts. A new token may be accepted.
 *
 * @example
 * import { TokenTooOldError } from 'stytch-m2m';
 *
 * console.log(new TokenTooOldError('wallet-server').headers);
 */
export class TokenTooOldError extends AuthorizationError {
  override readonly name = 'TokenTooOldError';
  readonly status = 401;
  readonly code = 'token_too_old';

  constructor(realm: string) {
    super('Unauthorized', challenge(realm, { error: 'invalid_token' }));
  }
}

/**
 * The token is valid but lacks a required scope.
 *
 * @example
 * import { InsufficientScopeError } from 'stytch-m2m';
 *
 * console.log(new InsufficientScopeError('wallet-server', ['read:users']).headers);
 */
export class InsufficientScopeError extends AuthorizationError {
  override readonly name = 'InsufficientScopeError';
  readonly status = 403;
  readonly code = 'insufficient_scope';

  constructor(realm: string, requiredScopes: readonly string[]) {
    super('Forbidden', challenge(realm, { error: 'insufficient_scope', scope: requiredScopes.join(' ') }));
  }
}

/**
 * The token has the scopes, but the route's own `check` refuses the client.
 *
 * @example
 * import { AccessDeniedError } from 'stytch-m2m';
 *
 * console.log(new AccessDeniedError('wallet-server').headers);
 */
export class AccessDeniedError extends AuthorizationError {
  override readonly name = 'AccessDeniedError';
  readonly status = 403;
  readonly code = 'access_denied';

  constructor(realm: string) {
    // RFC 6750 §3.1 has no other error code for a token with too few privileges.
    super('Forbidden', challenge(realm, { error: 'insufficient_scope' }));
  }
}

/**
 * The token cannot be verified now, because the JWKS is unavailable.
 *
 * @example
 * import { AuthorizationUnavailableError } from 'stytch-m2m';
 *
 * console.log(new AuthorizationUnavailableError(5, new Error('no JWKS')).headers);
 */
export class AuthorizationUnavailableError extends AuthorizationError {
  override readonly name = 'AuthorizationUnavailableError';
  readonly status = 503;
  readonly code = 'authorization_unavailable';

  constructor(retryAfterSeconds: number, cause: unknown) {
    super('Access tokens cannot be checked now', { 'Retry-After': String(retryAfterSeconds) }, cause);
  }
}

import { backOff } from '../stytch/backOff';
import { StytchApiError, StytchUnavailableError } from '../stytch/callStytch';

/** How long a refusal is cached, unless an option says otherwise. Milliseconds. */
export const defaultRefusalMilliseconds = 5_000;
/** A longer `Retry-After` is cut to this. */
const maxRetryAfterSeconds = 300;

/**
 * No access token is available. `cause` is the error of the last token request. Its message contains no secret.
 *
 * @example
 * import { Client } from 'stytch';
 * import { AccessTokenProvider, AccessTokenUnavailableError, ClientCredentials, stytchConfig } from 'stytch-m2m';
 *
 * const { STYTCH_PROJECT_ID = '', STYTCH_SECRET = '', STYTCH_BASE_URL } = process.env;
 * const client = new Client(
 *   stytchConfig({ projectId: STYTCH_PROJECT_ID, secret: STYTCH_SECRET, baseUrl: STYTCH_BASE_URL }),
 * );
 * const credentials = new ClientCredentials('m2m-client-test-1', 'wrong');
 * const tokens = new AccessTokenProvider({ client, credentials });
 *
 * tokens.getAccessToken('read:users').catch((error: unknown) => {
 *   if (error instanceof AccessTokenUnavailableError) console.log(error.reason, error.retryAfterSeconds); // refused 5
 * });
 */
export class AccessTokenUnavailableError extends Error {
  override readonly name = 'AccessTokenUnavailableError';

  constructor(
    /**
     * `refused`: Stytch rejects the credentials or the scopes; a retry does not help.
     * `timeout`: Stytch did not answer in time. `unavailable`: Stytch is unreachable, failing or too busy.
     */
    readonly reason: 'refused' | 'timeout' | 'unavailable',
    readonly retryAfterSeconds: number,
    cause: unknown,
  ) {
    super(`No access token: ${(cause as Error).message}`, { cause });
  }

  /** The same error, some time later. */
  withRetryAfter(retryAfterSeconds: number): AccessTokenUnavailableError {
    return new AccessTokenUnavailableError(this.reason, retryAfterSeconds, this.cause);
  }
}

/** Stytch's `Retry-After`, in seconds. */
export function retryAfterOf(error: unknown): number | undefined {
  const fromStytch = error instanceof StytchApiError || error instanceof StytchUnavailableError;
  return fromStytch ? error.retryAfterSeconds : undefined;
}

/**
 * Makes the failure that callers get of the error of a token request.
 *
 * @param tries the number of failed token requests.
 * @param refusalMilliseconds how long a refusal is cached.
 */
export function toFailure(
  error: unknown,
  tries: number,
  refusalMilliseconds = defaultRefusalMilliseconds,
): AccessTokenUnavailableError {
  if (error instanceof StytchApiError && !error.transient) {
    return new AccessTokenUnavailableError('refused', Math.ceil(refusalMilliseconds / 1_000), error);
  }
  const retryAfter = retryAfterOf(error);
  if (retryAfter !== undefined) {
    return new AccessTokenUnavailableError('unavailable', Math.min(retryAfter, maxRetryAfterSeconds), error);
  }
  const timedOut = error instanceof StytchUnavailableError && error.timedOut;
  return new AccessTokenUnavailableError(timedOut ? 'timeout' : 'unavailable', tries, error);
}

/** How long to wait before a retry, in milliseconds: `Retry-After` plus jittered back-off, so that clients do not retry in lockstep. */
export function pauseBeforeRetry(
  { cause, retryAfterSeconds }: AccessTokenUnavailableError,
  tries: number,
): number {
  const asked = retryAfterOf(cause) === undefined ? 0 : retryAfterSeconds * 1_000;
  return asked + backOff(tries, 200, 2_000);
}

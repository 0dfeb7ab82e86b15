/** There is no access token. `cause` says why. */
export class AccessTokenUnavailableError extends Error {
  override readonly name = 'AccessTokenUnavailableError';

  constructor(
    /**
     * `refused`: Stytch does not accept the credentials or the scopes; a retry does not help.
     * `timeout`: it did not answer in time. `unavailable`: it cannot be reached, it fails, or it is too busy.
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

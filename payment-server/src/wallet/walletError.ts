/**
 * `token_rejected`: the access token is not accepted; a new one may be. `refused`: this service is not accepted.
 * `unavailable`: no connection, or a 502, 503 or 504 of a gateway. `invalid_answer`: not an answer of a wallet-server.
 */
export type WalletErrorReason =
  'token_rejected' | 'refused' | 'invalid_customer' | 'unavailable' | 'timeout' | 'invalid_answer';

interface WalletErrorOptions {
  /** The reason, for the log. */
  cause?: string;
  /** The wallet-server's status, if the caller gets the same. */
  status?: number;
  retryAfterSeconds?: number;
  /** Whether the same call may succeed a moment later. Default false. */
  transient?: boolean;
}

/** The balance could not be read. */
export class WalletError extends Error {
  override readonly name = 'WalletError';
  readonly status: number | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly transient: boolean;

  constructor(
    readonly reason: WalletErrorReason,
    { cause = reason, status, retryAfterSeconds, transient = false }: WalletErrorOptions = {},
  ) {
    super(cause);
    this.status = status;
    this.retryAfterSeconds = retryAfterSeconds;
    this.transient = transient;
  }
}

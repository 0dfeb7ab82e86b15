/**
 * `token_rejected`: 401 `invalid_token`; a new token may be accepted. `refused`: any other 401, or 403.
 * `invalid_customer`: the wallet-server does not accept the customer's id. `unavailable`: no connection, or 502, 503 or 504.
 * `timeout`: no answer in time. `invalid_answer`: anything else.
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

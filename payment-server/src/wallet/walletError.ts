/**
 * `token_rejected`: the access token is not accepted, and another one may be. `refused`: this service is not.
 * `unavailable`: no connection, or a gateway's 502, 503 or 504. `invalid_answer`: nothing that a wallet-server says.
 */
export type WalletErrorReason =
  'token_rejected' | 'refused' | 'invalid_customer' | 'unavailable' | 'timeout' | 'invalid_answer';

interface WalletErrorOptions {
  /** What happened, for the log. */
  cause?: string;
  /** The wallet-server's own status, where a caller gets it too. */
  status?: number;
  retryAfterSeconds?: number;
  /** Whether the same call may succeed a moment later. Default false. */
  transient?: boolean;
}

/** There is no balance. */
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

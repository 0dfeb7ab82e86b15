import { Axios, AxiosError, type AxiosResponse, isAxiosError } from 'axios';
import {
  clientAttributes,
  inSpan,
  type TlsCredentials,
  tlsOptions,
  type TlsSource,
  type TraceSpan,
} from 'service-kit';
import { isInvalidTokenChallenge } from 'stytch-m2m';
import { Pool } from 'undici';
import { z } from 'zod';
import type { Payment } from '../payments';
import { undiciAdapter } from './undiciAdapter';
import { WalletError } from './walletError';

/** The body of a successful answer. A 200 with another body is an error, not a balance of zero. */
const walletAnswer = z.object({ customerName: z.string(), walletId: z.string(), walletBalance: z.number() });

export type Wallet = z.infer<typeof walletAnswer>;

/** The id and the lifetime of the request that causes a call. */
export interface CallContext {
  /** Sent as `X-Request-Id`. */
  requestId: string;
  /** Aborts when the caller has disconnected, or the request has timed out. */
  signal: AbortSignal;
  /** The parent of the call's span, if tracing is on. */
  span?: TraceSpan | undefined;
}

export interface WalletClientOptions {
  /** The address of the wallet-server. */
  url: string;
  /** The timeout of the connection, and then of the whole answer. Milliseconds, default 3,000. */
  timeoutMilliseconds?: number;
  /** CAs and client certificate for https. Default: Node's CAs, and no certificate. */
  tls?: TlsSource | undefined;
}

/** The connection was refused, or ended before the answer. */
const brokenConnection = new Set(['ECONNRESET', 'EPIPE', 'ECONNREFUSED']);

/** A client of the wallet-server. */
export class WalletClient {
  readonly #http: InstanceType<typeof Axios>;
  readonly #path: string;
  readonly #spanAttributes: ReturnType<typeof clientAttributes>;

  constructor({ url, timeoutMilliseconds = 3_000, tls }: WalletClientOptions) {
    const { origin, pathname } = new URL(url);
    this.#path = `${pathname.replace(/\/$/, '')}/api/check-balance`;
    this.#spanAttributes = clientAttributes('POST', origin + this.#path);
    // The bare class is faster: `axios.create` merges its many defaults into each request.
    this.#http = new Axios({
      adapter: undiciAdapter(connectionsTo(origin, timeoutMilliseconds, tls)),
      timeout: timeoutMilliseconds,
      maxContentLength: 100_000,
      validateStatus: () => true,
      transformRequest: (data) => JSON.stringify(data),
      transformResponse: parseJson,
    });
  }

  /**
   * Reads the wallet of a customer, once.
   *
   * @throws WalletError
   */
  async checkBalance(payment: Payment, accessToken: string, context: CallContext): Promise<Wallet> {
    const { requestId, signal } = context;
    if (signal.aborted) throw timeout();
    return inSpan(context.span, 'POST /api/check-balance', 'client', async (span) => {
      span?.set(this.#spanAttributes);
      const headers = {
        'Content-Type': 'application/json',
        Accept: 'application/json',
        'Accept-Encoding': 'identity',
        Authorization: `Bearer ${accessToken}`,
        'X-Request-Id': requestId,
        ...span?.headers(),
      };
      const request = { method: 'POST', url: this.#path, data: payment, signal, headers };
      const response = await this.#http.request<unknown>(request).catch(throwWalletError);
      span?.set({ 'http.response.status_code': response.status });
      return readWallet(response);
    });
  }
}

/** A pool of connections. New certificates apply to new connections. */
function connectionsTo(origin: string, timeout: number, tls: TlsSource | undefined): () => Pool {
  const connect = (credentials: TlsCredentials | undefined) =>
    new Pool(origin, {
      connections: 256,
      connect: { timeout, minVersion: 'TLSv1.2', ...(credentials && tlsOptions(credentials)) },
    });
  let pool = connect(tls?.current);
  tls?.onChange((credentials) => {
    void pool.close(); // It waits for requests in flight.
    pool = connect(credentials);
  });
  return () => pool;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function throwWalletError(error: unknown): never {
  const code = (isAxiosError(error) && error.code) || 'unknown';
  if (code === AxiosError.ERR_CANCELED || code === AxiosError.ETIMEDOUT) throw timeout();
  if (code === AxiosError.ERR_BAD_RESPONSE) throw new WalletError('invalid_answer', { cause: code });
  throw new WalletError('unavailable', {
    cause: code,
    retryAfterSeconds: 1,
    transient: brokenConnection.has(code),
  });
}

function timeout(): WalletError {
  return new WalletError('timeout', { retryAfterSeconds: 1 });
}

function readWallet({ status, data, headers }: AxiosResponse<unknown>): Wallet {
  const cause = `status ${status}`;
  if (status === 200) {
    const wallet = walletAnswer.safeParse(data);
    if (wallet.success) return wallet.data;
    throw new WalletError('invalid_answer', { cause: 'not a balance' });
  }
  const { code } = (data ?? {}) as { code?: unknown };
  const challenge = [headers['www-authenticate'] as string | string[] | undefined].flat().join(', ');
  if (status === 401 && (code === 'invalid_token' || isInvalidTokenChallenge(challenge))) {
    throw new WalletError('token_rejected', { cause });
  }
  if (status === 401 || status === 403) throw new WalletError('refused', { cause });
  if ((status === 400 || status === 404) && code === 'invalid_customer') {
    throw new WalletError('invalid_customer', { status });
  }
  if (status === 502 || status === 503 || status === 504) {
    const retryAfter = String(headers['retry-after'] as unknown);
    const retryAfterSeconds = /^\d{1,5}$/.test(retryAfter) ? Number(retryAfter) : 1;
    throw new WalletError('unavailable', { cause, retryAfterSeconds, transient: true });
  }
  throw new WalletError('invalid_answer', { cause });
}

import { setTimeout as wait } from 'node:timers/promises';
import { Axios, AxiosError, type AxiosResponse, isAxiosError } from 'axios';
import { HttpError, type TlsSource } from 'service-kit';
import { isInvalidTokenChallenge } from 'stytch-m2m';
import { z } from 'zod';
import type { Payment } from './payments';
import { undiciAdapter } from './undiciAdapter';
import { WalletConnections } from './walletConnections';

/** The one answer that counts as a balance: anything else is no reason to say yes or no to a payment. */
const walletAnswer = z.object({ customerName: z.string(), walletId: z.string(), walletBalance: z.number() });

export type Wallet = z.infer<typeof walletAnswer>;

/** The wallet-server does not accept the access token: another one may do. */
export class AccessTokenRejected extends Error {
  override readonly name = 'AccessTokenRejected';
}

/** What a call has to do with the request that causes it. */
export interface CallContext {
  /** Passed on as `X-Request-Id`. */
  requestId: string;
  /** Aborts when the caller is gone, or the time for its request is over. */
  signal: AbortSignal;
}

export interface WalletClientOptions {
  /** Address of the wallet-server, without a slash at its end. */
  url: string;
  /** How long one try may take for a connection, and then until all of the answer is there. Milliseconds, default 3,000. */
  timeoutMilliseconds?: number;
  /** Whom to trust and what to show, where the address is https. Default: the usual CAs, and nothing. */
  tls?: TlsSource | undefined;
}

/** A connection that ended, or was not taken, before there was an answer. */
const brokenConnection = new Set(['ECONNRESET', 'EPIPE', 'ECONNREFUSED']);
const mostTries = 3;

/** The wallet-server, as the payment-server sees it. */
export class WalletClient {
  readonly #http: InstanceType<typeof Axios>;
  readonly #path: string;

  constructor({ url, timeoutMilliseconds = 3_000, tls }: WalletClientOptions) {
    const { origin, pathname } = new URL(url);
    const connections = new WalletConnections(origin, { tls, timeoutMilliseconds });
    this.#path = `${pathname.replace(/\/$/, '')}/api/check-balance`;
    // The bare class: the defaults of `axios.create` are merged anew for every request.
    this.#http = new Axios({
      adapter: undiciAdapter(() => connections.current),
      timeout: timeoutMilliseconds,
      maxContentLength: 100_000,
      validateStatus: () => true,
      transformRequest: (data) => JSON.stringify(data),
      transformResponse: parseJson,
    });
  }

  /**
   * Reads the wallet of a customer. Reading changes nothing, so a broken connection and a 502, 503 or 504
   * are tried again, twice at most.
   *
   * @throws AccessTokenRejected when the token is not accepted: 401, and a challenge with
   *   `error="invalid_token"` (RFC 6750 §3.1), or a body that says so.
   * @throws HttpError with the answer for whoever wanted the payment, in all other cases.
   */
  async checkBalance(payment: Payment, accessToken: string, context: CallContext): Promise<Wallet> {
    for (let tries = 1; ; tries += 1) {
      const outcome = await this.#tryOnce(payment, accessToken, context);
      const mayPass = outcome instanceof HttpError || [502, 503, 504].includes(outcome.status);
      if (!mayPass || tries === mostTries || context.signal.aborted) return readWallet(outcome);
      const pause = Math.random() * 100 * 2 ** tries;
      await wait(pause, undefined, { signal: context.signal }).catch(() => undefined);
    }
  }

  /** The answer, whatever its status; or the error to tell when there was none but another try may bring one. */
  async #tryOnce(payment: Payment, accessToken: string, { requestId, signal }: CallContext) {
    if (signal.aborted) throw tooSlow();
    try {
      return await this.#http.request<unknown>({
        method: 'POST',
        url: this.#path,
        data: payment,
        signal,
        headers: {
          'Content-Type': 'application/json',
          Accept: 'application/json',
          'Accept-Encoding': 'identity',
          Authorization: `Bearer ${accessToken}`,
          'X-Request-Id': requestId,
        },
      });
    } catch (error) {
      const code = (isAxiosError(error) && error.code) || 'unknown';
      if (code === AxiosError.ERR_CANCELED || code === AxiosError.ETIMEDOUT) throw tooSlow();
      if (brokenConnection.has(code)) return unreachable(code);
      if (code === AxiosError.ERR_BAD_RESPONSE) throw notAnAnswer(code);
      throw unreachable(code);
    }
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function readWallet(outcome: AxiosResponse<unknown> | HttpError): Wallet {
  if (outcome instanceof HttpError) throw outcome;
  const { status, data, headers } = outcome;
  if (status === 200) {
    const wallet = walletAnswer.safeParse(data);
    if (wallet.success) return wallet.data;
    throw notAnAnswer('not a balance');
  }
  const { code } = (data ?? {}) as { code?: unknown };
  const challenge = [headers['www-authenticate'] as string | string[] | undefined].flat().join(', ');
  if (status === 401 && (code === 'invalid_token' || isInvalidTokenChallenge(challenge))) {
    throw new AccessTokenRejected();
  }
  if (status === 401 || status === 403) {
    throw new HttpError(502, 'wallet_refused_credentials', 'The wallet-server refuses this service');
  }
  if ((status === 400 || status === 404) && code === 'invalid_customer') {
    throw new HttpError(status, 'invalid_customer', 'Invalid customer');
  }
  if (status === 502 || status === 503 || status === 504) {
    const retryAfter: unknown = headers['retry-after'];
    throw unreachable(`status ${status}`, /^\d{1,5}$/.test(String(retryAfter)) ? String(retryAfter) : '1');
  }
  throw notAnAnswer(`status ${status}`);
}

function unreachable(why: string, retryAfter = '1'): HttpError {
  return new HttpError(503, 'wallet_unreachable', 'The wallet-server cannot be reached now', {
    headers: { 'Retry-After': retryAfter },
    cause: new Error(why),
  });
}

function tooSlow(): HttpError {
  return new HttpError(504, 'wallet_timeout', 'The wallet-server did not answer in time', {
    headers: { 'Retry-After': '1' },
  });
}

function notAnAnswer(why: string): HttpError {
  return new HttpError(502, 'wallet_answer_invalid', 'The wallet-server did not answer as it should', {
    cause: new Error(why),
  });
}

import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * Stytch answered with an error of its API. `status`, `errorType` and `errorMessage` are Stytch's.
 *
 * @example
 * import { Client } from 'stytch';
 * import { callStytch, StytchApiError, stytchConfig } from 'stytch-m2m';
 *
 * const { STYTCH_PROJECT_ID = '', STYTCH_SECRET = '', STYTCH_BASE_URL } = process.env;
 * const client = new Client(
 *   stytchConfig({ projectId: STYTCH_PROJECT_ID, secret: STYTCH_SECRET, baseUrl: STYTCH_BASE_URL }),
 * );
 *
 * callStytch(() => client.m2m.clients.get({ client_id: 'm2m-client-test-unknown' }), 5_000).catch((error: unknown) => {
 *   if (error instanceof StytchApiError) console.log(error.status, error.errorType); // 404 m2m_client_not_found
 * });
 */
export class StytchApiError extends Error {
  override readonly name = 'StytchApiError';

  constructor(
    readonly status: number,
    readonly errorType: string,
    readonly errorMessage: string,
    readonly stytchRequestId: string | undefined,
    /** Seconds, from the `Retry-After` header. */
    readonly retryAfterSeconds: number | undefined,
  ) {
    super(`Stytch answered ${status} ${errorType}: ${errorMessage}`);
  }

  /** Whether the same call may succeed later: 429 and 5xx. */
  get transient(): boolean {
    return this.status === 429 || this.status >= 500;
  }
}

/**
 * Stytch gave no usable answer: it was unreachable, too slow, or did not answer with its API's JSON.
 *
 * @example
 * import { Client } from 'stytch';
 * import { callStytch, stytchConfig, StytchUnavailableError } from 'stytch-m2m';
 *
 * const client = new Client(
 *   stytchConfig({ projectId: 'project-test-1', secret: 'secret', baseUrl: 'http://127.0.0.1:9' }),
 * );
 *
 * callStytch(() => client.m2m.clients.search({}), 5_000).catch((error: unknown) => {
 *   if (error instanceof StytchUnavailableError) console.log(error.timedOut); // false
 * });
 */
export class StytchUnavailableError extends Error {
  override readonly name = 'StytchUnavailableError';

  constructor(
    message: string,
    /** True when the deadline passed, false when the call failed before. */
    readonly timedOut: boolean,
    /** Seconds, from the `Retry-After` header, which a gateway in front of Stytch may send. */
    readonly retryAfterSeconds?: number,
  ) {
    super(message);
  }
}

/** The state of one call beside its result. `stytchDispatcher` fills it in. */
export interface Call {
  /** The tracing context. */
  context?: unknown;
  retryAfterSeconds?: number | undefined;
  /** Why the answer was rejected or the wait ended. */
  failure?: StytchUnavailableError;
  /** Aborts the request. Set once the request has a connection. */
  abort?: (reason: Error) => void;
}

const calls = new AsyncLocalStorage<Call>();
let inFlight = 0;

/** The `callStytch` that this code runs in, if any. */
export function currentCall(): Call | undefined {
  return inFlight > 0 ? calls.getStore() : undefined;
}

/** Reads `Retry-After`: seconds, or a date (RFC 9110 §10.2.3). */
export function retryAfterSeconds(value = ''): number | undefined {
  if (/^\d{1,9}$/.test(value)) return Number(value);
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, Math.ceil((date - Date.now()) / 1000));
}

/**
 * Makes one call of the Stytch SDK with a timeout. The SDK itself has none: its `timeout` setting never reaches
 * `fetch`. For a client with the `stytchDispatcher` the timeout also aborts the request. The SDK's errors contain the
 * request with its credentials, so they are replaced by errors that are safe to log.
 *
 * @param timeoutMilliseconds how long to wait for the answer, in milliseconds.
 * @param options `context` is any value: subscribers of the channel `stytch-m2m.stytch_request` get it.
 * @throws StytchApiError when Stytch answered with an error.
 * @throws StytchUnavailableError when it did not answer, or not in time, or with something that is not its API.
 *
 * @example
 * import { Client } from 'stytch';
 * import { callStytch, stytchConfig } from 'stytch-m2m';
 *
 * const { STYTCH_PROJECT_ID = '', STYTCH_SECRET = '', STYTCH_BASE_URL } = process.env;
 * const client = new Client(
 *   stytchConfig({ projectId: STYTCH_PROJECT_ID, secret: STYTCH_SECRET, baseUrl: STYTCH_BASE_URL }),
 * );
 *
 * callStytch(() => client.m2m.clients.search({ limit: 10 }), 5_000).then((found) => {
 *   for (const { client_id, client_name } of found.m2m_clients) console.log(client_id, client_name);
 * });
 */
export async function callStytch<Result>(
  call: () => Promise<Result>,
  timeoutMilliseconds: number,
  { context }: { context?: unknown } = {},
): Promise<Result> {
  const about: Call = { context };
  inFlight += 1;
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      about.failure ??= new StytchUnavailableError(
        `Stytch did not answer within ${Math.round(timeoutMilliseconds)} ms`,
        true,
      );
      reject(about.failure);
      about.abort?.(about.failure);
    }, timeoutMilliseconds);
  });
  try {
    return await Promise.race([calls.run(about, call), timeout]);
  } catch (error) {
    throw about.failure ?? describeFailure(error, about);
  } finally {
    clearTimeout(timer);
    inFlight -= 1;
    // While it is enabled, it slows down every promise of the process.
    if (inFlight === 0) calls.disable();
  }
}

/** Recognizes the SDK's StytchError by its fields: two copies of the SDK have two classes. */
function describeFailure(error: unknown, { retryAfterSeconds: seconds }: Call): Error {
  if (error instanceof StytchUnavailableError) return error;
  const { status_code, error_type, error_message, request_id } = (error ?? {}) as Record<string, unknown>;
  if (isErrorStatus(status_code) && typeof error_type === 'string') {
    return new StytchApiError(
      status_code,
      error_type,
      typeof error_message === 'string' ? error_message : '',
      typeof request_id === 'string' ? request_id : undefined,
      seconds,
    );
  }
  // The SDK drops the cause. The class name separates network errors from bugs, and contains no secret.
  const kind = error instanceof Error ? error.constructor.name : typeof error;
  const notJson = error instanceof Error && error.message.startsWith('Unable to parse JSON');
  return new StytchUnavailableError(
    notJson ? 'Stytch answered with something that is not JSON' : `Stytch could not be reached (${kind})`,
    false,
    seconds,
  );
}

/** The status comes from the body, which may contain anything, and is used as an HTTP status. */
function isErrorStatus(status: unknown): status is number {
  return Number.isInteger(status) && (status as number) >= 400 && (status as number) <= 599;
}

/** Whether Stytch rejected a call with this `error_type`. */
export function isRefusal(error: unknown, errorType: string): boolean {
  return error instanceof StytchApiError && error.errorType === errorType;
}

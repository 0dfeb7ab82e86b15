import { AsyncLocalStorage } from 'node:async_hooks';

/** Stytch answered with an error of its API: `status`, `errorType` and `errorMessage` are its own words. */
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

  /** Whether the same call may well succeed later: 429, and Stytch's own failures. */
  get transient(): boolean {
    return this.status === 429 || this.status >= 500;
  }
}

/** No answer, or none that is Stytch's: not reached, too late, not JSON. */
export class StytchUnavailableError extends Error {
  override readonly name = 'StytchUnavailableError';

  constructor(
    message: string,
    /** True when the deadline passed, false when the call failed before. */
    readonly timedOut: boolean,
    /** Seconds, from the `Retry-After` header: a gateway before Stytch sends one with a page, too. */
    readonly retryAfterSeconds?: number,
  ) {
    super(message);
  }
}

/** What is learned of one call beside its result; `stytchDispatcher` fills it in. */
export interface Call {
  retryAfterSeconds?: number | undefined;
  /** Why the answer is not accepted, or was no longer waited for. */
  failure?: StytchUnavailableError;
  /** Ends the request of this call. There once it has a connection. */
  abort?: (reason: Error) => void;
}

const calls = new AsyncLocalStorage<Call>();
let underWay = 0;

/** The call of `callStytch` that this code runs in, if any. */
export function currentCall(): Call | undefined {
  return underWay > 0 ? calls.getStore() : undefined;
}

/** Reads `Retry-After`: seconds, or a date (RFC 9110 §10.2.3). */
export function retryAfterSeconds(value = ''): number | undefined {
  if (/^\d{1,9}$/.test(value)) return Number(value);
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, Math.ceil((date - Date.now()) / 1000));
}

/**
 * Makes one call of the Stytch SDK, with a timeout, which the SDK does not have: its `timeout` setting never
 * reaches `fetch`. With a client that has the `stytchDispatcher` the request is aborted then, and what it bounds
 * is bounded. What the SDK throws holds the request, and with it credentials: only what may be logged is taken
 * over from it.
 *
 * @param timeoutMilliseconds how long to wait for the answer, in milliseconds.
 * @throws StytchApiError when Stytch answered with an error.
 * @throws StytchUnavailableError when it did not answer, or not in time, or with something that is not its API.
 */
export async function callStytch<Result>(
  call: () => Promise<Result>,
  timeoutMilliseconds: number,
): Promise<Result> {
  const about: Call = {};
  underWay += 1;
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      about.failure ??= new StytchUnavailableError(
        `Stytch did not answer within ${timeoutMilliseconds} ms`,
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
    underWay -= 1;
    // As long as it is not disabled, every promise of the process pays for its being followed.
    if (underWay === 0) calls.disable();
  }
}

/** The SDK's StytchError by its fields, for two copies of the SDK have two classes; all else was no answer. */
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
  // The SDK keeps no cause; the class tells a network error from a fault of the code, and holds no secret.
  const kind = error instanceof Error ? error.constructor.name : typeof error;
  const notJson = error instanceof Error && error.message.startsWith('Unable to parse JSON');
  return new StytchUnavailableError(
    notJson ? 'Stytch answered with something that is not JSON' : `Stytch could not be reached (${kind})`,
    false,
    seconds,
  );
}

/** The status is of the body, and anything may stand there; it becomes that of an answer over HTTP. */
function isErrorStatus(status: unknown): status is number {
  return Number.isInteger(status) && (status as number) >= 400 && (status as number) <= 599;
}

/** Whether Stytch refused a call with this `error_type`. */
export function isRefusal(error: unknown, errorType: string): boolean {
  return error instanceof StytchApiError && error.errorType === errorType;
}

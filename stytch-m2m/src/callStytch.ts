import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe } from 'node:diagnostics_channel';

/** Stytch answered with an error of its API: `status`, `errorType` and `errorMessage` are its own words. */
export class StytchRefused extends Error {
  override readonly name = 'StytchRefused';

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
export class StytchUnreachable extends Error {
  override readonly name = 'StytchUnreachable';

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

/** What is learned of one call beside its result. */
interface Call {
  retryAfterSeconds?: number;
}

const calls = new AsyncLocalStorage<Call>();
let underWay = 0;
const callOfRequest = new WeakMap<object, Call>();

/**
 * The SDK's errors carry no headers, so `Retry-After` is read where Node publishes the headers of every
 * fetch. A request is made within the asynchronous context of its call, which tells whose it is.
 */
subscribe('undici:request:create', (message) => {
  const call = calls.getStore();
  if (call) callOfRequest.set((message as { request: object }).request, call);
});
subscribe('undici:request:headers', (message) => {
  const { request, response } = message as { request: object; response: { headers: Buffer[] } };
  const call = callOfRequest.get(request);
  if (!call) return;
  for (let index = 0; index + 1 < response.headers.length; index += 2) {
    if (response.headers[index]?.toString().toLowerCase() !== 'retry-after') continue;
    const seconds = secondsToWait(response.headers[index + 1]?.toString() ?? '');
    if (seconds !== undefined) call.retryAfterSeconds = seconds;
  }
});

/** The value of `Retry-After`: seconds, or a date (RFC 9110 §10.2.3). */
function secondsToWait(value: string): number | undefined {
  if (/^\d{1,9}$/.test(value)) return Number(value);
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, Math.ceil((date - Date.now()) / 1000));
}

/**
 * Makes one call of the Stytch SDK, with the deadline that the SDK does not have: its `timeout` setting
 * never reaches `fetch`. What the SDK throws holds the request, and with it credentials; only what may
 * be logged is taken over from it.
 *
 * @param deadlineMilliseconds how long to wait for the answer, in milliseconds.
 * @throws StytchRefused when Stytch answered with an error.
 * @throws StytchUnreachable when it did not answer, or not in time, or with something that is not its API.
 */
export async function callStytch<Result>(
  call: () => Promise<Result>,
  deadlineMilliseconds: number,
): Promise<Result> {
  const about: Call = {};
  underWay += 1;
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new StytchUnreachable(`Stytch did not answer within ${deadlineMilliseconds} ms`, true));
    }, deadlineMilliseconds);
  });
  try {
    return await Promise.race([calls.run(about, call), deadline]);
  } catch (error) {
    throw error instanceof StytchUnreachable ? error : describeFailure(error, about);
  } finally {
    clearTimeout(timer);
    underWay -= 1;
    // As long as it is not disabled, every promise of the process pays for its being followed.
    if (underWay === 0) calls.disable();
  }
}

/** The SDK's StytchError by its fields, for two copies of the SDK have two classes; all else was no answer. */
function describeFailure(error: unknown, about: Call): Error {
  const { status_code, error_type, error_message, request_id } = (error ?? {}) as Record<string, unknown>;
  if (typeof status_code === 'number' && typeof error_type === 'string') {
    return new StytchRefused(
      status_code,
      error_type,
      typeof error_message === 'string' ? error_message : '',
      typeof request_id === 'string' ? request_id : undefined,
      about.retryAfterSeconds,
    );
  }
  // The SDK keeps no cause; the class tells a network error from a fault of the code, and holds no secret.
  const kind = error instanceof Error ? error.constructor.name : typeof error;
  const notJson = error instanceof Error && error.message.startsWith('Unable to parse JSON');
  return new StytchUnreachable(
    notJson ? 'Stytch answered with something that is not JSON' : `Stytch could not be reached (${kind})`,
    false,
    about.retryAfterSeconds,
  );
}

/** Whether Stytch refused a call with this `error_type`. */
export function isRefusal(error: unknown, errorType: string): boolean {
  return error instanceof StytchRefused && error.errorType === errorType;
}

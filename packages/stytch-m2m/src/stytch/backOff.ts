/**
 * The time to wait before the next try: exponential, with jitter, so that clients do not retry in lockstep.
 *
 * @param tries the number of failed tries, from 1.
 * @param baseMilliseconds the longest wait after the first failure, in milliseconds. It doubles with each failure.
 * @param mostMilliseconds the upper limit of every wait, in milliseconds.
 * @returns milliseconds, at least a tenth of the longest wait.
 */
export function backOff(tries: number, baseMilliseconds: number, mostMilliseconds: number): number {
  const longest = Math.min(mostMilliseconds, baseMilliseconds * 2 ** (tries - 1));
  return longest * (0.1 + 0.9 * Math.random());
}

/** Waits. */
export function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Waits, or throws the signal's reason once it aborts. */
export async function waitUnlessAborted(milliseconds: number, signal?: AbortSignal): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const waiting = new Promise<void>((resolve) => (timer = setTimeout(resolve, milliseconds)));
  try {
    await untilAborted(waiting, signal, () => signal?.reason as Error);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Waits for a promise with a timeout.
 *
 * @throws Error with the code `ETIMEDOUT`. The work goes on.
 */
export async function withTimeout<Result>(work: Promise<Result>, milliseconds: number): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(Object.assign(new Error(`not done within ${milliseconds} ms`), { code: 'ETIMEDOUT' }));
    }, milliseconds);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** The outcome of the promise, or this error once the signal aborts. The work behind the promise goes on. */
export function untilAborted<Value>(
  promise: Promise<Value>,
  signal: AbortSignal | undefined,
  error: () => Error,
): Promise<Value> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => {
      reject(error());
    };
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort);
    void promise.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', abort);
    });
  });
}

/**
 * How long to wait before try number `tries` + 1: exponential, with full jitter, so that many processes
 * that failed together do not try again together.
 *
 * @param tries how many tries have failed, from 1.
 * @param baseMilliseconds the longest wait after the first failure, in milliseconds; it doubles with each.
 * @param mostMilliseconds the longest wait at all, in milliseconds.
 * @returns milliseconds, at least a tenth of the longest wait, so that no burst comes of bad luck.
 */
export function backOff(tries: number, baseMilliseconds: number, mostMilliseconds: number): number {
  const longest = Math.min(mostMilliseconds, baseMilliseconds * 2 ** (tries - 1));
  return longest * (0.1 + 0.9 * Math.random());
}

/** Waits. */
export function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/**
 * Waits for a promise, but not longer than this.
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

/** The promise's outcome, or this error once the signal aborts. What the promise stands for goes on. */
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

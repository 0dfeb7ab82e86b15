/** A moment for the clock to start at, in epoch milliseconds. */
export const startOfTest = 1_800_000_000_000;

/**
 * The clock and the timers of the code under test stand still until a test moves them; HTTP, which has timers
 * of its own, goes on.
 */
export function stopTheClock(): void {
  jest.useFakeTimers({
    now: startOfTest,
    doNotFake: ['hrtime', 'nextTick', 'queueMicrotask', 'setImmediate', 'clearImmediate'],
  });
}

/** The wall clock is set to another time: no time passes. */
export function setWallClock(millisecondsAhead: number): void {
  jest.setSystemTime(Date.now() + millisecondsAhead);
}

/** Lets time pass, at once, until this moment in epoch milliseconds. */
export function advanceTo(moment: number): void {
  jest.advanceTimersByTime(moment - Date.now());
}

/** Lets so many milliseconds pass. */
export async function pass(milliseconds: number): Promise<void> {
  await jest.advanceTimersByTimeAsync(milliseconds);
}

/** Lets everything happen that needs no time. */
export async function settle(): Promise<void> {
  await pass(0);
}

export interface Deferred<Value> {
  promise: Promise<Value>;
  resolve: (value: Value) => void;
  reject: (error: unknown) => void;
}

/** A promise that the test settles. */
export function deferred<Value>(): Deferred<Value> {
  let resolve: Deferred<Value>['resolve'] = () => undefined;
  let reject: Deferred<Value>['reject'] = () => undefined;
  const promise = new Promise<Value>((fulfil, refuse) => {
    resolve = fulfil;
    reject = refuse;
  });
  return { promise, resolve, reject };
}

/** What became of a promise so far: its value, its error, or `pending`. */
export function outcomeOf(promise: Promise<unknown>): { now: unknown } {
  const outcome: { now: unknown } = { now: 'pending' };
  promise.then(
    (value) => (outcome.now = value),
    (error: unknown) => (outcome.now = error),
  );
  return outcome;
}

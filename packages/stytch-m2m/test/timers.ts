/** The time at which the fake clock starts, in epoch milliseconds. */
export const startOfTest = 1_800_000_000_000;

/**
 * Fakes the clock and the timers of the code under test: they stop until a test advances them. HTTP still works,
 * because Node has separate timers for it.
 */
export function stopTheClock(): void {
  jest.useFakeTimers({
    now: startOfTest,
    doNotFake: ['hrtime', 'nextTick', 'queueMicrotask', 'setImmediate', 'clearImmediate'],
  });
}

/** Moves the wall clock without letting time pass. */
export function setWallClock(millisecondsAhead: number): void {
  jest.setSystemTime(Date.now() + millisecondsAhead);
}

/** Advances the clock synchronously to this time in epoch milliseconds. */
export function advanceTo(moment: number): void {
  jest.advanceTimersByTime(moment - Date.now());
}

/** Lets this many milliseconds pass. */
export async function pass(milliseconds: number): Promise<void> {
  await jest.advanceTimersByTimeAsync(milliseconds);
}

/** Runs the pending promises and the timers that are due now. */
export async function flushPromises(): Promise<void> {
  await pass(0);
}

export interface Deferred<Value> {
  promise: Promise<Value>;
  resolve: (value: Value) => void;
  reject: (error: unknown) => void;
}

/** A promise that the test resolves or rejects. */
export function deferred<Value>(): Deferred<Value> {
  let resolve: Deferred<Value>['resolve'] = () => undefined;
  let reject: Deferred<Value>['reject'] = () => undefined;
  const promise = new Promise<Value>((fulfil, refuse) => {
    resolve = fulfil;
    reject = refuse;
  });
  return { promise, resolve, reject };
}

/** The current outcome of a promise: its value, its error, or `pending`. */
export function outcomeOf(promise: Promise<unknown>): { now: unknown } {
  const outcome: { now: unknown } = { now: 'pending' };
  promise.then(
    (value) => (outcome.now = value),
    (error: unknown) => (outcome.now = error),
  );
  return outcome;
}

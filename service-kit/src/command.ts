import { earlySignalsHandled, handleSignals, onStop } from './signals';

/**
 * Runs a command to its end. The exit code is 0, or 1 if it fails: then the message of its error is printed.
 *
 * @param work gets a signal that is aborted when the command is asked to stop (see `handleSignals`). It then ends as
 *   soon as nothing is lost by it: it throws the signal's reason, or finishes.
 */
export async function runCommand(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  handleSignals('command');
  await earlySignalsHandled();
  const stopping = new AbortController();
  const done = finish(work, stopping.signal);
  onStop(() => {
    stopping.abort();
    return done;
  });
  process.exitCode = await done;
}

/** Returns the exit code, or undefined if the command was stopped. */
async function finish(
  work: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<number | undefined> {
  try {
    await work(signal);
    return 0;
  } catch (error) {
    if (signal.aborted && error === signal.reason) return undefined;
    process.stderr.write(`${(error as Error).message}\n`);
    return 1;
  }
}

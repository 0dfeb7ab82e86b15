import type { EventEmitter } from 'node:events';
import { constants } from 'node:os';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';

/** One press of Ctrl-C can send two signals, from the terminal and from npm. Milliseconds. */
const sameKeypressMilliseconds = 500;
/** How often a program checks whether the npm that started it still runs. Milliseconds. */
const orphanCheckMilliseconds = 500;
/** How long an exit waits for file operations. Milliseconds. */
const fileOperationMilliseconds = 1_000;

/** The exit code after a stop is 0 for a server. A command is not done, so for it the code is 128 + the signal. */
type ProgramKind = 'server' | 'command';

/** Read now, to notice a parent that ends while this program loads. */
const parent = process.ppid;
let program: { kind: ProgramKind; stop?: (() => Promise<unknown>) | undefined } = { kind: 'command' };
let handling = false;
let watching = false;
let requestedAt: number | undefined;

/** Handles SIGINT and SIGTERM. Node runs the handlers after the main file, which calls `onStop`. */
export function handleSignals(): void {
  if (handling) return;
  handling = true;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      requestStop(signal);
    });
  }
  // When the parent or the reader ends, the program goes on: without a listener these events would be thrown.
  const emitters: Pick<EventEmitter, 'on'>[] = [process, process.stdout, process.stderr];
  for (const emitter of emitters) emitter.on('error', () => undefined);
}

/**
 * Sets how this program stops on SIGINT, on SIGTERM, when the npm that started it ends, or (a server) when a parent
 * process with a message channel ends. A second signal ends it at once. The last call applies.
 *
 * @param stop is called once. Then the program exits with the number that `stop` resolves with, or else with the exit
 *   code of its kind. Default: the program exits at once.
 */
export function onStop(kind: ProgramKind, stop?: () => Promise<unknown>): void {
  program = { kind, stop };
  handleSignals();
  if (watching) return;
  watching = true;
  const onParentEnd = () => {
    if (requestedAt === undefined) requestStop('SIGTERM');
  };
  // Not for a command: this listener would keep a process with a message channel running.
  if (kind === 'server') process.once('disconnect', onParentEnd);
  // npm sets this variable, so it is no setting of the config. npm does not pass on a signal: it ends, and this process
  // gets another parent.
  if (process.env['npm_lifecycle_event'] === undefined) return;
  setInterval(() => {
    if (process.ppid !== parent) onParentEnd();
  }, orphanCheckMilliseconds).unref();
}

/** Resolves when the signals that came while the modules loaded are handled, so that nothing starts in vain. */
export async function earlySignalsHandled(): Promise<void> {
  // Each turn of the event loop reads signals once. This turn may have read them already.
  await setImmediate();
  await setImmediate();
}

/**
 * Exits. `process.exit` waits for threads in file operations, forever if a volume hangs. If one does not end in time,
 * this kills the process.
 *
 * @param waitMilliseconds how long it waits for file operations. Default 1,000.
 */
export async function exit(exitCode: number, waitMilliseconds = fileOperationMilliseconds): Promise<never> {
  const deadline = performance.now() + waitMilliseconds;
  while (hasFileOperations() && performance.now() < deadline) await sleep(10);
  // The last listener: the log is flushed before.
  process.once('exit', () => {
    if (!hasFileOperations()) return;
    process.stderr.write('Killed at exit, because a file operation does not end: does a volume hang?\n');
    process.kill(process.pid, 'SIGKILL');
  });
  return process.exit(exitCode);
}

function hasFileOperations(): boolean {
  return process.getActiveResourcesInfo().some((resource) => resource.startsWith('FSReq'));
}

function requestStop(signal: 'SIGINT' | 'SIGTERM'): void {
  const { kind, stop } = program;
  const unfinished = 128 + constants.signals[signal];
  if (requestedAt !== undefined) {
    if (performance.now() - requestedAt > sameKeypressMilliseconds)
      void exit(kind === 'server' ? 1 : unfinished, 0);
    return;
  }
  requestedAt = performance.now();
  const stopped = kind === 'server' ? 0 : unfinished;
  if (!stop) {
    void exit(stopped);
    return;
  }
  stop().then(
    (code) => exit(typeof code === 'number' ? code : stopped),
    (error: unknown) => {
      process.stderr.write(`Failed to stop: ${(error as Error).stack}\n`);
      return exit(1);
    },
  );
}

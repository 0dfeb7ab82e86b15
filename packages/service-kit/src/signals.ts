import type { EventEmitter } from 'node:events';
import { constants } from 'node:os';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';

/** One press of Ctrl-C can arrive twice, from the terminal and from npm: no second request within this time. */
const sameKeypressMilliseconds = 500;
/** How often a program that npm started checks whether npm is still there, in milliseconds. */
const orphanCheckMilliseconds = 500;
/** How long an exit waits for file operations, in milliseconds. */
const fileOperationMilliseconds = 1_000;

/** A server runs until it is asked to stop: exit code 0. A command that is stopped is not done: 128 + the signal. */
type ProgramKind = 'server' | 'command';

/** Read at the start: a parent that ends while this program loads is noticed, too. */
const parent = process.ppid;
let program: { kind: ProgramKind; stop?: (() => Promise<unknown>) | undefined } = { kind: 'command' };
let handling = false;
let watching = false;
let requestedAt: number | undefined;

/** Handles SIGINT and SIGTERM. A signal runs no code before the main file has run, which calls `onStop`. */
export function handleSignals(): void {
  if (handling) return;
  handling = true;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      requestStop(signal);
    });
  }
  // A parent or a reader that is gone is no reason to die: without a listener these events would be thrown.
  const emitters: Pick<EventEmitter, 'on'>[] = [process, process.stdout, process.stderr];
  for (const emitter of emitters) emitter.on('error', () => undefined);
}

/**
 * Says how this program stops when it is asked to: by SIGINT, by SIGTERM, by the end of npm where npm started it, or,
 * for a server, by the end of a parent process with a message channel. A second signal ends it at once, whatever it
 * does. The last call counts.
 *
 * @param stop is called once. When its promise is fulfilled, the program exits: with the number that it gives, if any,
 *   else with the exit code of a program of its kind that was stopped. Default: the program exits at once.
 */
export function onStop(kind: ProgramKind, stop?: () => Promise<unknown>): void {
  program = { kind, stop };
  handleSignals();
  if (watching) return;
  watching = true;
  const parentIsGone = () => {
    if (requestedAt === undefined) requestStop('SIGTERM');
  };
  // Not for a command: this listener keeps a process with a message channel running.
  if (kind === 'server') process.once('disconnect', parentIsGone);
  // A signal to npm ends npm and its shell, but is not passed on to this process, which gets another parent.
  if (process.env['npm_lifecycle_event'] === undefined) return;
  setInterval(() => {
    if (process.ppid !== parent) parentIsGone();
  }, orphanCheckMilliseconds).unref();
}

/** After this, signals that came while the modules were loaded are handled. Nothing is begun that nobody wants. */
export async function earlySignalsHandled(): Promise<void> {
  // Each turn of the event loop reads signals once. The turn that called this may have read them before.
  await setImmediate();
  await setImmediate();
}

/**
 * Exits. `process.exit` waits for the threads of file operations, forever if a volume hangs: then this kills the
 * process.
 *
 * @param waitMilliseconds how long it waits for file operations first.
 */
export async function exit(exitCode: number, waitMilliseconds = fileOperationMilliseconds): Promise<never> {
  const deadline = performance.now() + waitMilliseconds;
  while (hasFileOperations() && performance.now() < deadline) await sleep(10);
  // The last listener, so that the log is flushed before.
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

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
export type ProgramKind = 'server' | 'command';

let stopProgram: (() => Promise<unknown>) | undefined;
let requestedAt: number | undefined;
let handling = false;

/**
 * Handles what asks a program to stop: SIGINT, SIGTERM, the end of npm where npm started it, and, for a server, the
 * end of a parent process with a message channel. The program exits at once, unless `onStop` says how it stops. A
 * second signal ends it at once, whatever it does.
 *
 * Call it before anything else: a signal without a handler does nothing to process 1 of a container. A main file
 * imports `service-kit/serverSignals` or `service-kit/commandSignals` first, for the other modules take 0.3 s to load.
 */
export function handleSignals(kind: ProgramKind): void {
  if (handling) return;
  handling = true;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    const unfinished = 128 + constants.signals[signal];
    process.on(signal, () => {
      if (requestedAt === undefined) requestStop(kind === 'server' ? 0 : unfinished);
      else if (performance.now() - requestedAt > sameKeypressMilliseconds) {
        exit(kind === 'server' ? 1 : unfinished);
      }
    });
  }
  const parentIsGone = () => {
    if (requestedAt === undefined) requestStop(kind === 'server' ? 0 : 128 + constants.signals.SIGTERM);
  };
  // Not for a command: this listener keeps a process with a message channel running.
  if (kind === 'server') process.once('disconnect', parentIsGone);
  if (process.env['npm_lifecycle_event'] !== undefined) {
    // A signal to npm ends npm and its shell, but is not passed on to this process, which gets another parent.
    const npm = process.ppid;
    setInterval(() => {
      if (process.ppid !== npm) parentIsGone();
    }, orphanCheckMilliseconds).unref();
  }
  // A parent or a reader that is gone is no reason to die: without a listener these events would be thrown.
  const emitters: Pick<EventEmitter, 'on'>[] = [process, process.stdout, process.stderr];
  for (const emitter of emitters) emitter.on('error', () => undefined);
}

/**
 * Says how the program stops, in place of an exit at once.
 *
 * @param stop is called once. When its promise is fulfilled, the program exits: with the number that it gives, if any,
 *   else with the exit code of a program of its kind that was stopped.
 */
export function onStop(stop: () => Promise<unknown>): void {
  stopProgram = stop;
}

/** After this, signals that came while the modules were loaded are handled. Nothing is begun that nobody wants. */
export async function earlySignalsHandled(): Promise<void> {
  // Each turn of the event loop reads signals once. The turn that called this may have read them before.
  await setImmediate();
  await setImmediate();
}

function requestStop(exitCode: number): void {
  requestedAt = performance.now();
  if (!stopProgram) {
    void exitAfterFileOperations(exitCode);
    return;
  }
  stopProgram().then(
    (code) => exitAfterFileOperations(typeof code === 'number' ? code : exitCode),
    (error: unknown) => {
      process.stderr.write(`Failed to stop: ${(error as Error).stack}\n`);
      exit(1);
    },
  );
}

async function exitAfterFileOperations(exitCode: number): Promise<void> {
  const deadline = performance.now() + fileOperationMilliseconds;
  while (hasFileOperations() && performance.now() < deadline) await sleep(10);
  exit(exitCode);
}

/** `process.exit` waits for the threads of file operations, forever if the volume hangs: then this kills the process. */
function exit(exitCode: number): void {
  // The last listener, so that the log is flushed before.
  process.once('exit', () => {
    if (!hasFileOperations()) return;
    process.stderr.write('Killed at exit, because a file operation does not end: does a volume hang?\n');
    process.kill(process.pid, 'SIGKILL');
  });
  process.exit(exitCode);
}

function hasFileOperations(): boolean {
  return process.getActiveResourcesInfo().some((resource) => resource.startsWith('FSReq'));
}

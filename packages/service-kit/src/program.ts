import { ConfigError, type Environment, loadEnvironment } from './config';
import type { RunningServer } from './serve';
import { earlySignalsHandled, exit, onStop } from './signals';

/**
 * Runs a server as a program: starts it, sends its addresses to a parent process with a message channel, and stops it
 * on request (see `onStop`). If it fails to start, the error is printed, and the exit code is 1.
 *
 * @param directories where to look for `.env`, nearest first.
 */
export async function runProgram<Server extends RunningServer>(
  start: (environment: Environment) => Promise<Server>,
  directories: readonly string[],
): Promise<Server> {
  onStop('server');
  await earlySignalsHandled();
  try {
    const server = await start(loadEnvironment(directories));
    onStop('server', () => server.close());
    const { url, healthUrl } = server;
    process.send?.({ listening: url, ...(healthUrl !== undefined && { healthUrl }) });
    return server;
  } catch (error) {
    process.stderr.write(`${error instanceof ConfigError ? error.message : (error as Error).stack}\n`);
    return await exit(1);
  }
}

/**
 * Runs a command. The exit code is 0. If it fails, the message of its error is printed, and the exit code is 1.
 *
 * @param work gets a signal, which is aborted when the command is asked to stop (see `onStop`). It then throws the
 *   signal's reason as soon as nothing is lost by it, or finishes.
 */
export async function runCommand(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  onStop('command');
  await earlySignalsHandled();
  const stopping = new AbortController();
  const { signal } = stopping;
  const exitCode = work(signal).then(
    () => 0,
    (error: unknown) => {
      // Stopped: `onStop` knows the exit code.
      if (signal.aborted && error === signal.reason) return undefined;
      process.stderr.write(`${(error as Error).message}\n`);
      return 1;
    },
  );
  onStop('command', () => {
    stopping.abort();
    return exitCode;
  });
  process.exitCode = await exitCode;
}

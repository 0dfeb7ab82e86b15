import { ConfigError, type Environment, loadEnvironment } from './config';
import type { RunningServer } from './serve';
import { earlySignalsHandled, handleSignals, onStop } from './signals';

/**
 * Runs a server as a program: starts it, tells a parent process with a message channel where it listens,
 * and stops it when it is asked to stop (see `handleSignals`).
 * A configuration that does not let it start is printed, and the exit code is 1.
 *
 * @param directories where to look for `.env`, nearest first.
 */
export async function runProgram<Server extends RunningServer>(
  start: (environment: Environment) => Promise<Server>,
  directories: readonly string[],
): Promise<Server> {
  handleSignals('server');
  await earlySignalsHandled();
  try {
    const server = await start(loadEnvironment(directories));
    onStop(() => server.close());
    const { url, healthUrl } = server;
    process.send?.({ listening: url, ...(healthUrl !== undefined && { healthUrl }) });
    return server;
  } catch (error) {
    process.stderr.write(`${error instanceof ConfigError ? error.message : (error as Error).stack}\n`);
    process.exit(1);
  }
}

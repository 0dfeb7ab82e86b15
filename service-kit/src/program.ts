import { ConfigError, type Environment, loadEnvironment } from './config';
import type { RunningServer } from './serve';

/** One press of Ctrl-C can arrive twice, from the terminal and from npm: no second wish within this time. */
const sameKeypressMilliseconds = 500;

/**
 * Runs a server as a program: starts it, tells a parent process with a message channel where it listens,
 * and stops it on SIGINT or SIGTERM, or when that parent is gone. A second signal ends it at once.
 * A configuration that does not let it start is printed, and the exit code is 1.
 *
 * @param directories where to look for `.env`, nearest first.
 */
export async function runProgram<Server extends RunningServer>(
  start: (environment: Environment) => Promise<Server>,
  directories: readonly string[],
): Promise<Server> {
  try {
    const server = await start(loadEnvironment(directories));
    stopOnSignal(server);
    process.send?.({ listening: server.url });
    return server;
  } catch (error) {
    process.stderr.write(`${error instanceof ConfigError ? error.message : (error as Error).stack}\n`);
    process.exit(1);
  }
}

function stopOnSignal(server: RunningServer): void {
  let stoppingSince: number | undefined;
  const stop = () => {
    if (stoppingSince === undefined) {
      stoppingSince = Date.now();
      void server.close().then(() => process.exit(0));
    } else if (Date.now() - stoppingSince > sameKeypressMilliseconds) {
      process.exit(1);
    }
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  // A parent that goes once we are stopping has no further wish: what is in flight still finishes.
  process.once('disconnect', () => {
    if (stoppingSince === undefined) stop();
  });
}

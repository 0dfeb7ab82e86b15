import { ConfigError, type Environment, loadEnvironment } from './config';
import type { RunningServer } from './serve';

/** One press of Ctrl-C can arrive twice, from the terminal and from npm: no second wish within this time. */
const sameKeypressMilliseconds = 500;
/** How often a program that npm started looks whether npm is still there, in milliseconds. */
const orphanMilliseconds = 500;

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
  // Read first: a parent that goes while this program starts is gone when it has started.
  const parent = process.ppid;
  try {
    const environment = loadEnvironment(directories);
    const server = await start(environment);
    stopOnSignal(server, environment.npm_lifecycle_event === undefined ? undefined : parent);
    const { url, healthUrl } = server;
    process.send?.({ listening: url, ...(healthUrl !== undefined && { healthUrl }) });
    return server;
  } catch (error) {
    process.stderr.write(`${error instanceof ConfigError ? error.message : (error as Error).stack}\n`);
    process.exit(1);
  }
}

/** @param npm the process id of the parent, if that is npm or its shell. */
function stopOnSignal(server: RunningServer, npm: number | undefined): void {
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
  // A signal to npm ends npm and its shell, but does not come through to here: then the parent is another one.
  if (npm !== undefined) {
    setInterval(() => {
      if (process.ppid !== npm && stoppingSince === undefined) stop();
    }, orphanMilliseconds).unref();
  }
  // A parent that goes once we are stopping has no further wish: what is in flight still finishes.
  process.once('disconnect', () => {
    if (stoppingSince === undefined) stop();
  });
}

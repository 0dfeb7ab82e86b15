import 'service-kit/earlySignals';
import { join } from 'node:path';
import { createLogger, type Environment, type RunningServer, runProgram, serve, TlsFiles } from 'service-kit';
import { z } from 'zod';
import { isLocalHost, readHost, readSettings } from './config';
import type { ConsoleContent } from './console/services';
import { createEmulator } from './emulator';
import { createSecret } from './secrets';
import { createSeed } from './seed';
import { hashSeed } from './state';

export interface LocalStytch extends RunningServer {
  /** What the console's page can call and try. */
  content: ConsoleContent;
  /** The variables that point a service here, with the secrets, and the admin API's token if it requires one. */
  seed: Environment;
  /** Those of them that are missing or different in the environment. */
  missing: Environment;
}

/**
 * Starts the emulator for the two services of this repository, with the clients `payment-service` and `operator`.
 *
 * @param host an address other than a loopback one exposes the emulator to other machines. The admin API, which can
 *   issue any token, then requires LOCAL_STYTCH_ADMIN_TOKEN, or a random token.
 * @throws ConfigError, also with NODE_ENV=production.
 */
export async function start(environment: Environment, host = '127.0.0.1'): Promise<LocalStytch> {
  const settings = readSettings(environment);
  const logger = createLogger({ name: 'local-stytch', level: settings.logLevel });
  const tls = await TlsFiles.open(settings.tls, { logger });
  const seed = createSeed(settings.seed);
  const [paymentService, operator] = seed.clients;
  const adminToken = isLocalHost(host) ? undefined : (settings.adminToken ?? createSecret());
  const { app, state, faults, events, content } = createEmulator(await hashSeed(seed), {
    reportError: (error) => {
      logger.error({ err: error }, 'request failed');
    },
    adminToken,
  });
  const { port } = settings;
  const server = await serve({ name: 'local-stytch', app, host, port, logger, tls });
  // Other machines may call an exposed emulator by another name.
  state.baseUrl = (adminToken && environment.STYTCH_BASE_URL) ?? callableUrl(server.url);
  const variables = {
    STYTCH_PROJECT_ID: seed.projectId,
    STYTCH_SECRET: seed.projectSecret,
    STYTCH_BASE_URL: state.baseUrl,
    CLIENT_ID: paymentService.id,
    CLIENT_SECRET: paymentService.secret,
    OPERATOR_CLIENT_ID: operator?.id ?? '',
    OPERATOR_CLIENT_SECRET: operator?.secret ?? '',
    ...(adminToken !== undefined && { LOCAL_STYTCH_ADMIN_TOKEN: adminToken }),
  };
  const missing = Object.entries(variables).filter(([name, value]) => environment[name] !== value);
  return {
    ...server,
    content,
    seed: variables,
    missing: Object.fromEntries(missing),
    close: async () => {
      faults.release();
      events.close();
      await server.close();
      tls?.stop();
    },
  };
}

/** The URL for callers on this machine. `0.0.0.0` and `::` are addresses to listen on only. */
function callableUrl(listening: string): string {
  return listening.replace(/\/\/(0\.0\.0\.0|\[::\])/, '//localhost');
}

/**
 * Publishes the variables. A parent process with a message channel gets all of them, as `{ seed }`. Otherwise they are
 * printed, as lines for a `.env` file, but for those that the environment already has.
 */
export function announce(
  { url, seed, missing }: Pick<LocalStytch, 'url' | 'seed' | 'missing'>,
  parent: Pick<NodeJS.Process, 'send' | 'stdout'> = process,
): void {
  if (parent.send) {
    parent.send({ seed });
    return;
  }
  const lines = Object.entries(missing).map(([name, value]) => `${name}=${value}`);
  parent.stdout.write(
    lines.length > 0
      ? `To use this emulator, put these lines into .env at the root of the project:\n\n${lines.join('\n')}\n\n`
      : `The environment already points at this emulator, ${url}.\n`,
  );
  if (seed.LOCAL_STYTCH_ADMIN_TOKEN !== undefined) {
    parent.stdout.write(
      'Other machines can call it. Its admin API, /local, requires "Authorization: Bearer $LOCAL_STYTCH_ADMIN_TOKEN".\n',
    );
  }
}

/**
 * Receives the services and scenarios of the console from a parent process, as `{ console: { services, scenarios } }`.
 * A wrong message is reported and changes nothing.
 */
export function receiveContent(
  { content }: Pick<LocalStytch, 'content'>,
  parent: Pick<NodeJS.Process, 'on' | 'stderr'> = process,
): void {
  parent.on('message', (message: unknown) => {
    if (typeof message !== 'object' || message === null || !('console' in message)) return;
    try {
      content.replace(message.console);
    } catch (error) {
      parent.stderr.write(
        `local-stytch: the message for the console is refused: ${describeProblems(error)}\n`,
      );
    }
  });
}

function describeProblems(error: unknown): string {
  if (!(error instanceof z.ZodError)) return String(error);
  return error.issues
    .slice(0, 5)
    .map(({ path, message }) => `${path.join('.') || 'console'}: ${message}`)
    .join('; ');
}

if (require.main === module) {
  void runProgram(
    (environment) => start(environment, readHost(process.argv.slice(2))),
    [join(__dirname, '..'), join(__dirname, '..', '..', '..')],
  ).then((server) => {
    receiveContent(server);
    announce(server);
  });
}

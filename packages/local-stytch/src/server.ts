import 'service-kit/earlySignals';
import { join } from 'node:path';
import { createLogger, type Environment, type RunningServer, runProgram, serve, TlsFiles } from 'service-kit';
import { createApp } from './app';
import { isLocalHost, readHost, readSettings } from './config';
import { Faults } from './faults';
import { RequestLog } from './requestLog';
import { createSecret } from './secrets';
import { createSeed } from './seed';
import { createState } from './state';

export interface LocalStytch extends RunningServer {
  /** The variables that point a service here, secrets included, and the admin API's token if it asks for one. */
  seed: Environment;
  /** Those of them that the environment of the start did not have, or has otherwise. */
  missing: Environment;
}

/**
 * Starts the emulator.
 *
 * @param host an address other than a loopback one exposes the emulator to other machines: then the admin API, which
 *   issues any token and breaks anything, asks for LOCAL_STYTCH_ADMIN_TOKEN, or for a random one.
 * @throws ConfigError, with NODE_ENV=production too.
 */
export async function start(environment: Environment, host = '127.0.0.1'): Promise<LocalStytch> {
  const settings = readSettings(environment);
  const logger = createLogger({ name: 'local-stytch', level: settings.logLevel });
  const tls = await TlsFiles.open(settings.tls, { logger });
  const seed = createSeed(settings.seed);
  const faults = new Faults();
  const adminToken = isLocalHost(host) ? undefined : (settings.adminToken ?? createSecret());
  const app = createApp({
    state: await createState(seed),
    faults,
    requests: new RequestLog(),
    reportError: (error) => {
      logger.error({ err: error }, 'request failed');
    },
    adminToken,
  });
  const { port } = settings;
  const server = await serve({ name: 'local-stytch', app, host, port, logger, tls });
  const variables = {
    STYTCH_PROJECT_ID: seed.projectId,
    STYTCH_SECRET: seed.projectSecret,
    // Whoever exposes it may know by which name the others call it.
    STYTCH_BASE_URL: (adminToken && environment.STYTCH_BASE_URL) ?? callableUrl(server.url),
    CLIENT_ID: seed.clientId,
    CLIENT_SECRET: seed.clientSecret,
    OPERATOR_CLIENT_ID: seed.operatorClientId,
    OPERATOR_CLIENT_SECRET: seed.operatorClientSecret,
    ...(adminToken !== undefined && { LOCAL_STYTCH_ADMIN_TOKEN: adminToken }),
  };
  const missing = Object.entries(variables).filter(([name, value]) => environment[name] !== value);
  return {
    ...server,
    seed: variables,
    missing: Object.fromEntries(missing),
    close: async () => {
      faults.release();
      await server.close();
      tls?.stop();
    },
  };
}

/** Where this machine calls a server that listens on all addresses, which is itself none to be called. */
function callableUrl(listening: string): string {
  return listening.replace(/\/\/(0\.0\.0\.0|\[::\])/, '//localhost');
}

/**
 * Hands out the variables: all of them to the parent process, as `{ seed }`, where it listens for messages;
 * else to whoever reads standard output, as lines for a `.env` file. A secret that the environment already
 * has is not printed again.
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
      'Other machines can call it. Its admin API, /local, asks for "Authorization: Bearer $LOCAL_STYTCH_ADMIN_TOKEN".\n',
    );
  }
}

if (require.main === module) {
  void runProgram(
    (environment) => start(environment, readHost(process.argv.slice(2))),
    [join(__dirname, '..'), join(__dirname, '..', '..', '..')],
  ).then((server) => {
    announce(server);
  });
}

import { join } from 'node:path';
import { createLogger, type Environment, type RunningServer, runProgram, serve, TlsFiles } from 'service-kit';
import { createApp } from './app';
import { readSettings } from './config';
import { Faults } from './faults';
import { RequestLog } from './requestLog';
import { createSeed } from './seed';
import { createState } from './state';

export interface LocalStytch extends RunningServer {
  /** The variables that point a service here, secrets included. */
  seed: Environment;
  /** Those of them that the environment of the start did not have, or has otherwise. */
  missing: Environment;
}

/**
 * Starts the stand-in on 127.0.0.1. There is no setting for another address: it hands out tokens to whoever
 * asks, so nobody but this machine may ask.
 *
 * @throws ConfigError, with NODE_ENV=production too.
 */
export async function start(environment: Environment): Promise<LocalStytch> {
  const settings = readSettings(environment);
  const logger = createLogger({ name: 'local-stytch', level: settings.logLevel });
  const tls = await TlsFiles.open(settings.tls, { logger });
  const seed = createSeed(settings.seed);
  const faults = new Faults();
  const app = createApp({
    state: await createState(seed),
    faults,
    requests: new RequestLog(),
    reportError: (error) => {
      logger.error({ err: error }, 'request failed');
    },
  });
  const { port } = settings;
  const server = await serve({ name: 'local-stytch', app, host: '127.0.0.1', port, logger, tls });
  const variables = {
    STYTCH_PROJECT_ID: seed.projectId,
    STYTCH_SECRET: seed.projectSecret,
    STYTCH_BASE_URL: server.url,
    CLIENT_ID: seed.clientId,
    CLIENT_SECRET: seed.clientSecret,
    OPERATOR_CLIENT_ID: seed.operatorClientId,
    OPERATOR_CLIENT_SECRET: seed.operatorClientSecret,
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
      ? `To use this stand-in, put these lines into .env at the root of the project:\n\n${lines.join('\n')}\n\n`
      : `The environment already points at this stand-in, ${url}.\n`,
  );
}

if (require.main === module) {
  void runProgram(start, [join(__dirname, '..'), join(__dirname, '..', '..')]).then((server) => {
    announce(server);
  });
}

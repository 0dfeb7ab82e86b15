import { join } from 'node:path';
import { createLogger, type Environment, runProgram, type RunningServer, serve } from 'service-kit';
import { createApp } from './app';
import { readWalletConfig } from './config';
import { createTokenAuthorizer } from './middleware/authorizeToken';

/**
 * Starts the wallet-server.
 *
 * @throws ConfigError when the environment does not let it start.
 */
export async function start(environment: Environment): Promise<RunningServer> {
  const config = readWalletConfig(environment);
  const logger = createLogger({ name: 'wallet-server', level: config.LOG_LEVEL });
  const authorizer = createTokenAuthorizer(config);
  const app = createApp({ logger, authorizer });
  const server = await serve({ name: 'wallet-server', app, host: config.HOST, port: config.PORT, logger });
  authorizer.start();
  return {
    ...server,
    close: async () => {
      await server.close();
      authorizer.stop();
    },
  };
}

if (require.main === module) void runProgram(start, [join(__dirname, '..'), join(__dirname, '..', '..')]);

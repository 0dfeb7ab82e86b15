import 'service-kit/earlySignals';
import { join } from 'node:path';
import { Counter } from 'prom-client';
import {
  createBaseApp,
  createLogger,
  createMetrics,
  type Environment,
  Readiness,
  requireClientNames,
  runProgram,
  type RunningServer,
  serve,
  TlsFiles,
  warnOfInsecureHosts,
} from 'service-kit';
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
  const metrics = createMetrics({ processFigures: true });
  const { registry } = metrics;
  const logger = createLogger({ name: 'wallet-server', level: config.LOG_LEVEL, registry });
  warnOfInsecureHosts(config, logger);
  const tls = await TlsFiles.open(config, { logger, registry });
  const authorizations = new Counter({
    name: 'authorizations_total',
    help: 'Requests that had to show an access token, by outcome',
    labelNames: ['outcome'],
    registers: [registry],
  });
  const authorizer = createTokenAuthorizer(config, (outcome) => {
    authorizations.inc({ outcome });
  });
  const readiness = new Readiness(() => authorizer.isReady());
  const base = { logger, metrics, readiness, allowedOrigins: config.ALLOWED_ORIGINS };
  const { HOST: host, PORT: port, HEALTH_PORT: healthPort, ALLOWED_CLIENT_NAMES: clientNames } = config;
  const app = createApp({ ...base, authorizer, guard: clientNames && requireClientNames(clientNames) });
  const health =
    healthPort === undefined ? undefined : { app: createBaseApp(base, () => undefined), port: healthPort };
  const server = await serve({
    name: 'wallet-server',
    app,
    host,
    port,
    logger,
    readiness,
    tls,
    health,
    shutdownDelaySeconds: config.SHUTDOWN_DELAY_SECONDS,
  });
  authorizer.start();
  return {
    ...server,
    close: async () => {
      await server.close();
      authorizer.stop();
      tls?.stop();
    },
  };
}

if (require.main === module) void runProgram(start, [join(__dirname, '..'), join(__dirname, '..', '..')]);

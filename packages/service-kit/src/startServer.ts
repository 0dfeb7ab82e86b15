import type { Express } from 'express';
import { collectDefaultMetrics } from 'prom-client';
import { type BaseAppOptions, createBaseApp } from './app';
import type { ServerSettings } from './config';
import { Readiness } from './health';
import { createLogger, type Logger } from './logger';
import { type Metrics, observeServer } from './metrics';
import { type RunningServer, serve } from './serve';
import { TlsFiles, type TlsSource } from './tls';
import type { Tracing } from './traceSpan';

interface ServerOptions {
  name: string;
  /** The folder with the program's package.json. */
  folder: string;
  config: ServerSettings;
  metrics: Metrics;
}

interface ServerParts {
  createApp: (base: BaseAppOptions) => Express;
  /** Whether it can serve requests, for `/readyz`. Default: always. */
  isReady?: () => boolean;
  /** Called when it listens. */
  start?: () => void;
  /** Called after the last answer. */
  stop?: () => void;
  /** Makes a span of each request. Stopped after the last answer. Default: none. */
  tracing?: Tracing | undefined;
}

/**
 * Starts a server with its log, its TLS files, the metrics of its process, and a second port for probes if `HEALTH_PORT`
 * is set. Stops them in order.
 *
 * @param build makes the parts that differ from server to server.
 * @throws ConfigError when a TLS file is invalid, or a port is in use or not allowed.
 */
export async function startServer(
  { name, folder, config, metrics }: ServerOptions,
  build: (context: { logger: Logger; tls: TlsSource | undefined }) => ServerParts | Promise<ServerParts>,
): Promise<RunningServer> {
  const { registry } = metrics;
  collectDefaultMetrics({ register: registry });
  const logger = createLogger({ name, level: config.LOG_LEVEL, registry });
  const { INSECURE_HTTP_HOSTS: hosts, HEALTH_PORT: healthPort } = config;
  // So that a development setting is noticed where it does not belong.
  if (hosts) logger.warn({ hosts }, 'secrets are sent to these hosts unencrypted: for development only');
  const tls = await TlsFiles.open(config, { logger, registry });
  const { createApp, isReady, start, stop, tracing } = await build({ logger, tls });
  const readiness = new Readiness(isReady);
  observeServer(registry, folder, readiness);
  const base = { logger, metrics, readiness, tracing, allowedOrigins: config.ALLOWED_ORIGINS };
  const server = await serve({
    name,
    app: createApp(base),
    host: config.HOST,
    port: config.PORT,
    logger,
    readiness,
    tls,
    ...(healthPort !== undefined && {
      health: { app: createBaseApp(base, () => undefined), port: healthPort },
    }),
    shutdownDelaySeconds: config.SHUTDOWN_DELAY_SECONDS,
  });
  start?.();
  return {
    ...server,
    close: async () => {
      await server.close();
      stop?.();
      await tracing?.stop();
      tls?.stop();
    },
  };
}

import type { Express } from 'express';
import type { z } from 'zod';
import { warnOfInsecureHosts } from './addresses';
import { type BaseAppOptions, createBaseApp } from './app';
import type { serverSettings } from './config';
import { Readiness } from './health';
import { createLogger, type Logger } from './logger';
import type { Metrics } from './metrics';
import { type RunningServer, serve } from './serve';
import { TlsFiles, type TlsSource } from './tls';

export interface ServerOptions {
  /** The program's name. */
  name: string;
  /** Its settings, as `serverSettings` reads them. */
  config: z.infer<z.ZodObject<ReturnType<typeof serverSettings>>>;
  metrics: Metrics;
}

/** What a server consists of. */
export interface ServerParts {
  createApp: (base: BaseAppOptions) => Express;
  /** Whether it can serve requests, for `/readyz`. Default: always. */
  isReady?: () => boolean;
  /** Called once it listens. */
  start?: () => void;
  /** Called after the last answer. */
  stop?: () => void;
}

/**
 * Starts a server: log, TLS, app, a port for health and metrics where the settings name one, and the order in which all
 * of it stops.
 *
 * @param build makes the parts; it gets what they may need.
 * @throws ConfigError when TLS files cannot be used, or a port is taken or not allowed.
 */
export async function startServer(
  { name, config, metrics }: ServerOptions,
  build: (context: { logger: Logger; tls: TlsSource | undefined }) => ServerParts | Promise<ServerParts>,
): Promise<RunningServer> {
  const { registry } = metrics;
  const logger = createLogger({ name, level: config.LOG_LEVEL, registry });
  warnOfInsecureHosts(config, logger);
  const tls = await TlsFiles.open(config, { logger, registry });
  const { createApp, isReady, start, stop } = await build({ logger, tls });
  const readiness = new Readiness(isReady);
  const base = { logger, metrics, readiness, allowedOrigins: config.ALLOWED_ORIGINS };
  const { HEALTH_PORT: healthPort } = config;
  const server = await serve({
    name,
    app: createApp(base),
    host: config.HOST,
    port: config.PORT,
    logger,
    readiness,
    tls,
    health:
      healthPort === undefined ? undefined : { app: createBaseApp(base, () => undefined), port: healthPort },
    shutdownDelaySeconds: config.SHUTDOWN_DELAY_SECONDS,
  });
  start?.();
  return {
    ...server,
    close: async () => {
      await server.close();
      stop?.();
      tls?.stop();
    },
  };
}

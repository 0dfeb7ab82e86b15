import type { Express } from 'express';
import type { ConnectionLimits } from './connections';
import { Readiness } from './health';
import { listen } from './listen';
import type { Logger } from './logger';
import type { TlsSource } from './tls';

/** How long a server that is told to stop goes on to listen while it is busy, in milliseconds. */
const listenOnMilliseconds = 5_000;
/** How long requests in flight may take to finish once the server is told to stop, in milliseconds. */
const drainMilliseconds = 10_000;
/** The same for a probe that is being answered at the very end, in milliseconds. */
const probeMilliseconds = 1_000;

export interface ServeOptions {
  /** The program's name. */
  name: string;
  app: Express;
  host: string;
  /** 0 lets the operating system choose a free one. */
  port: number;
  logger: Logger;
  /** Told when the server is to stop, so that `/readyz` says so. Default one of its own. */
  readiness?: Readiness;
  /** Makes it an https server, which takes over new certificates as they come. Default: plain HTTP. */
  tls?: TlsSource | undefined;
  /** What a second port serves, for probes without a certificate: plain HTTP on the same host. Default: none. */
  health?: { app: Express; port: number } | undefined;
  /**
   * How long everything is still served once the server is told to stop. Seconds, default 0. It should be longer
   * than a load balancer takes to see that `/readyz` says 503.
   */
  shutdownDelaySeconds?: number;
  /** What callers may do; for tests. The defaults are in `ConnectionLimits`. */
  limits?: ConnectionLimits | undefined;
}

export interface RunningServer {
  url: string;
  port: number;
  /** Where probes go that have no certificate; undefined when there is no such port. */
  healthUrl?: string;
  /**
   * Stops. First `/readyz` says 503 and everything is still served, for the shutdown delay. Then requests in
   * flight finish and nothing listens any more. While there are requests it listens for up to 5 s longer, for
   * those who send them do not know yet; what is not finished after 10 s is cut. The port for probes is the last
   * to go.
   */
  close(): Promise<void>;
}

/**
 * Listens.
 *
 * @throws ConfigError when a port is taken or not allowed: it says which, and how to choose another.
 */
export async function serve({
  health,
  readiness = new Readiness(),
  shutdownDelaySeconds = 0,
  ...options
}: ServeOptions): Promise<RunningServer> {
  const { name, host, logger, limits } = options;
  const probes =
    health &&
    (await listen({ name, host, logger, readiness, limits, ...health, portSetting: 'HEALTH_PORT' }));
  const main = await listen({ ...options, readiness, portSetting: 'PORT' }).catch(async (error: unknown) => {
    await probes?.close(0, 0);
    throw error;
  });
  const { url, port } = main;
  const where = { url, ...(probes && { healthUrl: probes.url }) };
  logger.info(where, 'listening');
  const stop = async () => {
    logger.info({ requests: main.requests }, 'stopping');
    readiness.stop();
    if (shutdownDelaySeconds > 0) {
      await new Promise((resolve) => setTimeout(resolve, shutdownDelaySeconds * 1_000));
    }
    await main.close(listenOnMilliseconds, drainMilliseconds);
    await probes?.close(probeMilliseconds, probeMilliseconds);
  };
  let stopped: Promise<void> | undefined;
  return { ...where, port, close: () => (stopped ??= stop()) };
}

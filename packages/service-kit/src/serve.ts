import type { Express } from 'express';
import { Readiness } from './health';
import { listen, type ListenOptions } from './listen';

/** While a stopping server has requests, it listens this long. Milliseconds. */
const listenMilliseconds = 5_000;
/** How long requests in flight may take after the stop. Milliseconds. */
const drainMilliseconds = 10_000;
/** The same for probes, which are stopped last. Milliseconds. */
const probeMilliseconds = 1_000;

export interface ServeOptions extends Omit<ListenOptions, 'portSetting' | 'readiness'> {
  /** Becomes `stopping` when `close` is called. Default: a new one. */
  readiness?: Readiness;
  /** A second port, for probes without a certificate: plain HTTP on the same host. Default: none. */
  health?: { app: Express; port: number } | undefined;
  /**
   * How long a stopping server serves everything while `/readyz` says 503. Seconds, default 0. It must be longer than
   * a load balancer takes to notice.
   */
  shutdownDelaySeconds?: number;
}

export interface RunningServer {
  url: string;
  port: number;
  /** The address of the second port, if there is one. */
  healthUrl?: string;
  /**
   * Stops. First `/readyz` says 503 and everything is served, for the shutdown delay. Then requests in flight finish.
   * While there are any, it listens for up to 5 s longer, for clients that have not noticed. After 10 s unfinished
   * requests are aborted. The port for probes closes last.
   */
  close(): Promise<void>;
}

/**
 * Listens on one port, or on two.
 *
 * @throws ConfigError when a port is in use or not allowed.
 */
export async function serve({
  health,
  readiness = new Readiness(),
  shutdownDelaySeconds = 0,
  ...options
}: ServeOptions): Promise<RunningServer> {
  const common = { ...options, readiness };
  const probes =
    health && (await listen({ ...common, ...health, tls: undefined, portSetting: 'HEALTH_PORT' }));
  const main = await listen({ ...common, portSetting: 'PORT' }).catch(async (error: unknown) => {
    await probes?.close(0, 0);
    throw error;
  });
  const { url, port } = main;
  const addresses = { url, ...(probes && { healthUrl: probes.url }) };
  options.logger.info(addresses, 'listening');
  const stop = async () => {
    options.logger.info({ requests: main.requests() }, 'stopping');
    readiness.stop();
    if (shutdownDelaySeconds > 0) {
      await new Promise((resolve) => setTimeout(resolve, shutdownDelaySeconds * 1_000));
    }
    await main.close(listenMilliseconds, drainMilliseconds);
    await probes?.close(probeMilliseconds, probeMilliseconds);
  };
  let stopped: Promise<void> | undefined;
  return { ...addresses, port, close: () => (stopped ??= stop()) };
}

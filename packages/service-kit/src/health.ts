import type { IRouter } from 'express';
import type { Registry } from 'prom-client';
import { route } from './route';

/** The paths that an orchestrator polls. */
export const probePaths: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/metrics']);

/** Whether this program accepts requests. */
export class Readiness {
  stopping = false;

  /** @param isReady whether everything that requests need is loaded. */
  constructor(private readonly isReady: () => boolean = () => true) {}

  stop(): void {
    this.stopping = true;
  }

  get status(): 'ready' | 'not_ready' | 'stopping' {
    if (this.stopping) return 'stopping';
    return this.isReady() ? 'ready' : 'not_ready';
  }
}

/**
 * Mounts the routes for probes: `/healthz` (200 while the process runs), `/readyz` (200 when it accepts requests, else
 * 503) and `/metrics` (Prometheus).
 */
export function mountHealth(router: IRouter, readiness: Readiness, registry: Registry): void {
  route(router, '/healthz', {
    get: (_request, response) => void response.json({ status: 'ok' }),
  });
  route(router, '/readyz', {
    get: (_request, response) => {
      const { status } = readiness;
      response.status(status === 'ready' ? 200 : 503).json({ status });
    },
  });
  route(router, '/metrics', {
    get: async (_request, response) => {
      response.type(registry.contentType).send(await registry.metrics());
    },
  });
}

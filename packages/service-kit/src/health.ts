import type { IRouter } from 'express';
import type { Registry } from 'prom-client';
import { route } from './route';

/** What an orchestrator asks every few seconds. */
export const probePaths: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/metrics']);

/** Whether this program wants requests. */
export class Readiness {
  #stopping = false;
  readonly #isReady: () => boolean;

  /** @param isReady whether everything is there that requests need. Default always. */
  constructor(isReady: () => boolean = () => true) {
    this.#isReady = isReady;
  }

  /** From now on this program is on its way out. */
  stop(): void {
    this.#stopping = true;
  }

  /** Whether `stop` was called. */
  get stopping(): boolean {
    return this.#stopping;
  }

  get status(): 'ready' | 'not_ready' | 'stopping' {
    if (this.#stopping) return 'stopping';
    return this.#isReady() ? 'ready' : 'not_ready';
  }
}

/**
 * Mounts what an orchestrator asks: `/healthz` (is the process alive), `/readyz` (200 when it wants requests,
 * else 503) and `/metrics` (Prometheus).
 */
export function mountHealth(router: IRouter, readiness: Readiness, registry: Registry): void {
  route(router, '/healthz', {
    get: (_request, response) => {
      response.json({ status: 'ok' });
    },
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

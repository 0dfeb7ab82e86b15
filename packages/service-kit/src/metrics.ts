import type { Request } from 'express';
import { collectDefaultMetrics, Histogram, Registry } from 'prom-client';

/** The metrics of one program, for Prometheus; a program adds its own to the registry. */
export interface Metrics {
  registry: Registry;
  /** Counts a request that has been answered, by method, route and status. */
  observe: (request: Request, status: number, seconds: number) => void;
}

/** Any other method is measured as `other`: callers may invent as many as they like. */
const measuredMethods: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'PATCH',
  'OPTIONS',
]);

/**
 * A registry with the latencies of requests in it.
 *
 * @param processFigures whether CPU, memory and event loop of this process are in it too. Default false.
 */
export function createMetrics({ processFigures = false }: { processFigures?: boolean } = {}): Metrics {
  const registry = new Registry();
  if (processFigures) collectDefaultMetrics({ register: registry });
  const duration = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Seconds from the arrival of a request to the end of its answer',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  });
  const observe: Metrics['observe'] = ({ method, route }, status, seconds) => {
    // The pattern of the route, never the path: a label may not have as many values as there are callers.
    const { path = 'none' } = (route ?? {}) as { path?: string };
    duration.observe(
      { method: measuredMethods.has(method) ? method : 'other', route: path, status },
      seconds,
    );
  };
  return { registry, observe };
}

import type { Request } from 'express';
import { Histogram, Registry } from 'prom-client';

/** The metrics of one program, for Prometheus. A program adds its own to the registry. */
export interface Metrics {
  registry: Registry;
  /** Measures an answered request by method, route and status. */
  observe: (request: Request, status: number, seconds: number) => void;
}

/** Callers can invent methods: any other one is counted as `other`. */
const knownMethods: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'PATCH',
  'OPTIONS',
]);

/** Creates a registry with the histogram of request durations. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const duration = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Seconds from the arrival of a request to the end of its answer',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  });
  const observe: Metrics['observe'] = ({ method, route }, status, seconds) => {
    // The pattern of the route, not the path: the number of label values must be bounded.
    const { path = 'none' } = (route ?? {}) as { path?: string };
    duration.observe({ method: knownMethods.has(method) ? method : 'other', route: path, status }, seconds);
  };
  return { registry, observe };
}

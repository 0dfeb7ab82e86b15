import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Request } from 'express';
import { Gauge, Histogram, Registry } from 'prom-client';
import type { Readiness } from './health';

/** The metrics of one program, for Prometheus. A program adds its own to the registry. */
export interface Metrics {
  registry: Registry;
  /** Measures an answered request by method, route and status. */
  observe: (request: Request, status: number, seconds: number) => void;
  /**
   * Adds the series of a route, with 0 requests of each status. Prometheus cannot see the increase of a series that
   * first appears as 1.
   */
  startAtZero: (method: string, route: string, statuses: readonly number[]) => void;
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

export function isKnownMethod(method: string): boolean {
  return knownMethods.has(method);
}

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
    duration.observe({ method: isKnownMethod(method) ? method : 'other', route: path, status }, seconds);
  };
  const startAtZero: Metrics['startAtZero'] = (method, route, statuses) => {
    for (const status of statuses) duration.zero({ method, route, status });
  };
  return { registry, observe, startAtZero };
}

/**
 * Adds `build_info`, a 1 with the version of the program as a label, and `server_ready`, the status of `/readyz`.
 *
 * @param folder where the program's package.json is.
 */
export function observeServer(registry: Registry, folder: string, readiness: Readiness): void {
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string };
  const registers = [registry];
  new Gauge({
    name: 'build_info',
    help: 'Always 1. The label is the version of the program',
    labelNames: ['version'],
    registers,
  }).set({ version }, 1);
  new Gauge({
    name: 'server_ready',
    help: '1 if /readyz says 200, 0 if it says 503',
    registers,
    collect() {
      this.set(readiness.status === 'ready' ? 1 : 0);
    },
  });
}

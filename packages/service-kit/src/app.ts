import express, { type Express } from 'express';
import { type AdmissionOptions, admitRequests } from './admission';
import { errorHandler, notFoundHandler } from './errors';
import { mountHealth, Readiness } from './health';
import type { Logger } from './logger';
import { createMetrics, type Metrics } from './metrics';
import { requestLogger } from './requestLogger';
import { securityHeaders } from './securityHeaders';
import type { Tracing } from './traceSpan';

export interface BaseAppOptions extends AdmissionOptions {
  logger: Logger;
  /** Default: new metrics. */
  metrics?: Metrics;
  /** Default: always ready. */
  readiness?: Readiness;
  /** Makes a span of each request. Default: none. */
  tracing?: Tracing | undefined;
}

/**
 * Creates the Express app that every service starts from: request ids, log, metrics, security headers, admission,
 * probes, and JSON errors. It opens nothing.
 *
 * @param register adds the routes of the service.
 */
export function createBaseApp(
  { logger, metrics = createMetrics(), readiness = new Readiness(), tracing, ...admission }: BaseAppOptions,
  register: (app: Express) => void,
): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  const logRequest = requestLogger(logger, metrics, tracing);
  const setSecurityHeaders = securityHeaders();
  const admit = admitRequests(admission);
  // One middleware: Express takes longer to call one than these do.
  app.use((request, response, next) => {
    logRequest(request, response);
    setSecurityHeaders(response);
    admit(request, response, next);
  });
  register(app);
  mountHealth(app, readiness, metrics.registry);
  app.use(notFoundHandler, errorHandler(logger));
  return app;
}

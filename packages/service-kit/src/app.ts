import express, { type Express } from 'express';
import helmet from 'helmet';
import { type AdmissionOptions, admitRequests } from './admission';
import { errorHandler, notFoundHandler } from './errors';
import { mountHealth, Readiness } from './health';
import type { Logger } from './logger';
import { createMetrics, type Metrics } from './metrics';
import { requestLogger } from './requestLogger';
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

/** Answers are data. If a browser shows one as a page, the page loads nothing, runs nothing and is not framed. */
export const contentSecurityPolicy = {
  useDefaults: false,
  directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
};

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
  app.use(
    requestLogger(logger, metrics, tracing),
    helmet({ contentSecurityPolicy }),
    admitRequests(admission),
  );
  register(app);
  mountHealth(app, readiness, metrics.registry);
  app.use(notFoundHandler, errorHandler(logger));
  return app;
}

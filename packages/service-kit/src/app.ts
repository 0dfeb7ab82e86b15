import express, { type Express } from 'express';
import helmet from 'helmet';
import { type AdmissionOptions, admitRequests } from './admission';
import { errorHandler, notFoundHandler } from './errors';
import { mountHealth, Readiness } from './health';
import type { Logger } from './logger';
import { createMetrics, type Metrics } from './metrics';
import { requestLogger } from './requestLogger';

export interface BaseAppOptions extends AdmissionOptions {
  logger: Logger;
  /** Default: metrics of its own. */
  metrics?: Metrics;
  /** Default: always ready. */
  readiness?: Readiness;
}

/** Answers are data: as a page, nothing in them may be loaded, run or framed. */
const contentSecurityPolicy = {
  useDefaults: false,
  directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
};

/**
 * An Express app as every service here starts from: request ids, a log line and a measurement for each
 * request, security headers, health and metrics, JSON answers for unknown routes and for errors; refused are
 * requests above a limit, ended client certificates and pages of other origins. Opens nothing.
 *
 * @param register adds the routes, between what comes before each request and what answers its errors.
 */
export function createBaseApp(
  { logger, metrics = createMetrics(), readiness = new Readiness(), ...admission }: BaseAppOptions,
  register: (app: Express) => void,
): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(requestLogger(logger, metrics), helmet({ contentSecurityPolicy }), admitRequests(admission));
  register(app);
  mountHealth(app, readiness, metrics.registry);
  app.use(notFoundHandler, errorHandler(logger));
  return app;
}

import type { Express } from 'express';
import { createBaseApp, type Logger } from 'service-kit';
import { translateErrors } from './errorTable';
import { type AdminDependencies, createAdminRoutes } from './helper/adminRoutes';
import { mountPayments, type PaymentDependencies } from './payments';

export interface Dependencies extends AdminDependencies {
  logger: Logger;
  payments: PaymentDependencies;
}

/** The OAuth 2.0 client (RFC 6749 §1.1): payments, and the administration of M2M clients. */
export function createApp({ logger, payments, ...admin }: Dependencies): Express {
  return createBaseApp({ logger }, (app) => {
    mountPayments(app, payments);
    app.use(createAdminRoutes(admin));
    app.use(translateErrors);
  });
}

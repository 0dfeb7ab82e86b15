import type { Express } from 'express';
import { type BaseAppOptions, createBaseApp } from 'service-kit';
import { mapErrors } from './errors';
import { type AdminDependencies, createAdminRoutes } from './routes/admin';
import { mountPayments, type PaymentRouteDependencies } from './routes/payments';

export interface Dependencies extends BaseAppOptions, AdminDependencies {
  payments: PaymentRouteDependencies;
}

/** The OAuth 2.0 client (RFC 6749 §1.1): payments, and the administration of M2M clients. */
export function createApp({ payments, ...dependencies }: Dependencies): Express {
  return createBaseApp(dependencies, (app) => {
    mountPayments(app, payments);
    app.use(createAdminRoutes(dependencies));
    app.use(mapErrors);
  });
}

import type { Express, RequestHandler } from 'express';
import { type BaseAppOptions, createBaseApp, HttpError, jsonBody, route } from 'service-kit';
import type { Authorizer } from 'stytch-m2m';

interface Wallet {
  customerId: string;
  customerName: string;
  walletId: string;
  walletBalance: number;
}

/** The protected resource: customers' wallets. */
export const walletInfo: readonly Wallet[] = [
  {
    customerId: '67uhjio098uhgt6l',
    customerName: 'john_doe',
    walletId: 'oipk9ifgl7yto9w',
    walletBalance: 1790,
  },
  {
    customerId: 'plu8iio0t3uhh06h',
    customerName: 'jane_doe',
    walletId: 'ui099jlolrrao6g',
    walletBalance: 970,
  },
];

export interface Dependencies extends BaseAppOptions {
  authorizer: Pick<Authorizer, 'authorizeToken'>;
  /** Checks the client's certificate before the access token. Default: no check. */
  guard?: RequestHandler | undefined;
}

/** Creates the resource server (RFC 6749 §1.1). */
export function createApp({ authorizer: { authorizeToken }, guard, ...base }: Dependencies): Express {
  return createBaseApp(base, (app) => {
    if (guard) app.use('/api', guard);
    route(app, '/api/check-balance', {
      post: [
        authorizeToken('read:users'),
        jsonBody,
        (request, response) => {
          const { customerId } = (request.body ?? {}) as { customerId?: unknown };
          const customer = walletInfo.find((wallet) => wallet.customerId === customerId);
          if (!customer) throw new HttpError(400, 'invalid_customer', 'Invalid customer');
          const { customerName, walletId, walletBalance } = customer;
          response.json({ customerName, walletId, walletBalance });
        },
      ],
    });
  });
}

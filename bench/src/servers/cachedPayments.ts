import express from 'express';
import { listen } from './listen';
import { outcome } from './payments';
import { callWallet } from './walletCall';

/** A payment server that differs from others of its kind only in where it has its access tokens from. */
export function servePayments(getAccessToken: () => Promise<string>): void {
  const app = express();
  app.get('/initiate-payment', async (_request, response) => {
    response.json(outcome(await callWallet(`Bearer ${await getAccessToken()}`)));
  });
  listen(app);
}

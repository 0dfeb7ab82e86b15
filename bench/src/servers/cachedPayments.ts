import express from 'express';
import { listen } from './listen';
import { outcome } from './payments';
import { callWallet } from './walletCall';

/** Starts a payment server that gets its access tokens from a given cache. */
export function servePayments(getAccessToken: () => Promise<string>): void {
  const app = express();
  app.get('/initiate-payment', async (_request, response) => {
    response.json(outcome(await callWallet(`Bearer ${await getAccessToken()}`)));
  });
  listen(app);
}

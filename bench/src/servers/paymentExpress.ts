/** The payment in Express 5 with its defaults, and node:http for the call: no token, no log, no timeout. */
import express from 'express';
import { listen } from './listen';
import { outcome } from './payments';
import { callWallet } from './walletCall';

const app = express();
app.get('/initiate-payment', async (_request, response) => {
  response.json(outcome(await callWallet('Bearer fixed')));
});
listen(app);

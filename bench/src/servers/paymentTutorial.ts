/** The payment server of the article, with the Express and SDK versions of its time. */
import axios from 'axios';
import cors from 'cors';
import express from 'express4';
import helmet from 'helmet';
import morgan from 'morgan';
import NodeCache from 'node-cache';
import { listen, setting } from './listen';
import { outcome, paymentInfo } from './payments';
import { client } from './tutorialStytch';
import type { Wallet } from './wallets';

const walletServerUrl = setting('WALLET_SERVER_URL');
const cache = new NodeCache();

/** Caches a token until it expires. Without a cached token, each caller requests one. */
async function getM2MAccessToken(): Promise<string> {
  const cached = cache.get<string>('accessToken');
  if (cached) return cached;
  const { access_token, expires_in } = await client.m2m.token({
    client_id: setting('CLIENT_ID'),
    client_secret: setting('CLIENT_SECRET'),
    scopes: ['read:users'],
  });
  cache.set('accessToken', access_token, expires_in);
  return access_token;
}

async function initiatePayment(accessToken: string): Promise<string> {
  const { data } = await axios.post<Wallet>(`${walletServerUrl}/api/check-balance`, paymentInfo, {
    headers: { Authorization: `Bearer ${accessToken}`, 'Content-Type': 'application/json' },
  });
  console.log('Transaction successful!');
  return outcome(data);
}

const app = express();
app.use(helmet());
app.use(cors());
app.use(morgan('dev'));
app.use(express.json());
app.get('/initiate-payment', async (_request, response) => {
  try {
    response.json(await initiatePayment(await getM2MAccessToken()));
  } catch (error) {
    console.error('Error:', (error as Error).message);
    response.status(500).json({ error: 'Internal server error' });
  }
});
listen(app);

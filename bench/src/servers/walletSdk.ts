/** The wallet route behind the SDK's verification alone: the cost of a valid token with the SDK. */
import express from 'express';
import { Client } from 'stytch';
import { listen } from './listen';
import { stytchProject } from './stytchProject';
import { checkBalance } from './wallets';

const client = new Client(stytchProject);

const app = express();
app.use(express.json());
app.post(
  '/api/check-balance',
  async (request, response, next) => {
    const [, token = ''] = request.headers.authorization?.split(' ') ?? [];
    try {
      await client.m2m.authenticateToken({ access_token: token, required_scopes: ['read:users'] });
    } catch {
      response.status(401).json({ error: 'Unauthorized' });
      return;
    }
    next();
  },
  checkBalance,
);
listen(app);

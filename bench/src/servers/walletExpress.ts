/** The wallet route in Express 5 with its defaults, open to anyone: the limit for any server on Express. */
import express from 'express';
import { listen } from './listen';
import { checkBalance } from './wallets';

const app = express();
app.use(express.json());
app.post('/api/check-balance', checkBalance);
listen(app);

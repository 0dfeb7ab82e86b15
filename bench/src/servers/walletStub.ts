/** A wallet server that gives every request the same answer, so that only the payment server is measured. */
import { listen } from './listen';
import { findWallet, walletInfo } from './wallets';

const answer = JSON.stringify(findWallet(walletInfo[0]?.customerId));
const headers = {
  'Content-Type': 'application/json; charset=utf-8',
  'Content-Length': Buffer.byteLength(answer),
};

/** As in our wallet-server. With Node's default of 5 s the stub would close connections. */
const keepAliveTimeout = 65_000;

listen(
  (request, response) => {
    request.resume();
    request.once('end', () => response.writeHead(200, headers).end(answer));
  },
  { keepAliveTimeout },
);

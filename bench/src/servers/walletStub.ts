/** A wallet server that answers everything alike, so that it is the payment server that is measured. */
import { listen } from './listen';
import { findWallet, walletInfo } from './wallets';

const answer = JSON.stringify(findWallet(walletInfo[0]?.customerId));
const headers = {
  'Content-Type': 'application/json; charset=utf-8',
  'Content-Length': Buffer.byteLength(answer),
};

/** As long as our wallet-server keeps a connection. With Node's 5 s it would be the stub that closes some. */
const keepAliveTimeout = 65_000;

listen(
  (request, response) => {
    request.resume();
    request.once('end', () => response.writeHead(200, headers).end(answer));
  },
  { keepAliveTimeout },
);

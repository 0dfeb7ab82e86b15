/** The payment on plain node:http, server and call: the limit for any server on Node. */
import { listen } from './listen';
import { outcome } from './payments';
import { callWallet } from './walletCall';

listen((_request, response) => {
  callWallet('Bearer fixed').then(
    (wallet) => {
      const text = JSON.stringify(outcome(wallet));
      response.writeHead(200, {
        'Content-Type': 'application/json; charset=utf-8',
        'Content-Length': Buffer.byteLength(text),
      });
      response.end(text);
    },
    () => response.writeHead(502).end(),
  );
});

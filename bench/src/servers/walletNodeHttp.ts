/** The wallet route on plain node:http, open to anyone: the limit for any server on Node. */
import { readJson } from './bodies';
import { listen } from './listen';
import { findWallet } from './wallets';

listen((request, response) => {
  readJson(request).then(
    (body) => {
      const wallet = findWallet((body as { customerId?: unknown }).customerId);
      const text = JSON.stringify(wallet ?? { error: 'Invalid customer' });
      response.writeHead(wallet ? 200 : 400, {
        'Content-Type': 'application/json; charset=utf-8',
        'Content-Length': Buffer.byteLength(text),
      });
      response.end(text);
    },
    () => response.writeHead(400).end(),
  );
});

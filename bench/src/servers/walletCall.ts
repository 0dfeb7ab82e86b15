import { Agent, request } from 'node:http';
import { readJson } from './bodies';
import { setting } from './listen';
import { paymentInfo } from './payments';
import type { Wallet } from './wallets';

const url = new URL('/api/check-balance', setting('WALLET_SERVER_URL'));
const body = JSON.stringify(paymentInfo);
const agent = new Agent({ keepAlive: true });
const headers = { 'Content-Type': 'application/json', 'Content-Length': String(Buffer.byteLength(body)) };

/** Calls the wallet server with plain node:http on keep-alive connections. */
export function callWallet(authorization: string): Promise<Wallet> {
  return new Promise((resolve, reject) => {
    const call = request(url, {
      method: 'POST',
      agent,
      headers: { ...headers, Authorization: authorization },
    });
    call.once('response', (response) => {
      resolve(readJson(response) as Promise<Wallet>);
    });
    call.once('error', reject);
    call.end(body);
  });
}

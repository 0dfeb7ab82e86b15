import type { RequestListener, ServerResponse } from 'node:http';
import { type HttpServer, startHttpServer } from './httpServer';

const wallet = { customerName: 'john_doe', walletId: 'oipk9ifgl7yto9w', walletBalance: 1790 };

function json(status: number, body: unknown, headers: Record<string, string> = {}): RequestListener {
  return (_request, response) => {
    response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(body));
  };
}

/** Sends the beginning of an answer and leaves the rest to the caller. */
function begin(response: ServerResponse): void {
  response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': '200' });
  response.write('{"customerName":');
}

/** The ways in which a wallet-server can misbehave. */
const behaviours = {
  well: json(200, wallet),
  slow: (request, response) => {
    setTimeout(() => {
      behaviours.well(request, response);
    }, 1_500);
  },
  hang: () => undefined,
  stall: (_request, response) => {
    begin(response);
  },
  drip: (_request, response) => {
    begin(response);
    const timer = setInterval(() => response.write(' '), 100);
    response.once('close', () => {
      clearInterval(timer);
    });
  },
  drop: (request) => {
    request.socket.destroy();
  },
  truncate: (_request, response) => {
    begin(response);
    setImmediate(() => response.destroy());
  },
  garbage: (request) => {
    request.socket.end('This is not HTTP.\r\n\r\n');
  },
  page: (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/html' }).end('<html><body>Welcome!</body></html>');
  },
  halfJson: (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'application/json' }).end('{"customerName":"john_doe","wal');
  },
  empty: json(200, {}),
  text: json(200, { ...wallet, walletBalance: '1790' }),
  redirect: json(302, {}, { Location: '/elsewhere' }),
  busy: json(503, { error: 'busy' }, { 'Retry-After': '7' }),
  broken: json(500, { error: 'broken' }),
  forbid: json(403, { code: 'insufficient_scope' }),
  reject: json(401, { code: 'invalid_token' }),
} satisfies Record<string, RequestListener>;

export type Behaviour = keyof typeof behaviours;

export interface FakeWallet extends HttpServer {
  /** The ids of the requests that arrived, in order. */
  readonly seen: readonly string[];
  /** Paths that were requested and do not exist. */
  readonly strayed: readonly string[];
}

/**
 * Starts a wallet-server that misbehaves on demand. The request id, which the payment-server passes on, names the
 * behaviour: `hang.1` hangs; `drop.once` drops the first request with this id and answers the next ones well.
 */
export async function startFakeWallet(): Promise<FakeWallet> {
  const seen: string[] = [];
  const strayed: string[] = [];
  const server = await startHttpServer((request, response) => {
    if (request.url !== '/api/check-balance') strayed.push(String(request.url));
    const id = String(request.headers['x-request-id']);
    const isFirst = !seen.includes(id);
    seen.push(id);
    const [name = '', rest] = id.split('.');
    const behaves = Object.hasOwn(behaviours, name) && (isFirst || rest !== 'once');
    // A request id that names no behaviour was made by the payment-server.
    behaviours[behaves ? (name as Behaviour) : 'well'](request, response);
  });
  return { ...server, seen, strayed };
}

import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const wallet = { customerName: 'john_doe', walletId: 'oipk9ifgl7yto9w', walletBalance: 1790 };

function json(status: number, body: unknown, headers: Record<string, string> = {}): RequestListener {
  return (_request, response) => {
    response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(body));
  };
}

/** Begins an answer of which there is more to come. */
function begin(response: ServerResponse): void {
  response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': '200' });
  response.write('{"customerName":');
}

/** What a wallet-server can do wrong. */
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

/**
 * A wallet-server that misbehaves on demand, in the process of the test. The request id, which the
 * payment-server passes on, names the behaviour: `hang.1` hangs; `drop.once` drops, and is well when it
 * comes again.
 */
export class FakeWallet {
  /** The request ids that came, in their order. */
  readonly seen: string[] = [];
  /** Paths other than the one there is. */
  readonly strayed: string[] = [];
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      if (request.url !== '/api/check-balance') this.strayed.push(String(request.url));
      const id = String(request.headers['x-request-id']);
      const first = !this.seen.includes(id);
      this.seen.push(id);
      const [name = '', rest] = id.split('.');
      const behaves = Object.hasOwn(behaviours, name) && (first || rest !== 'once');
      // Else a request id that the payment-server made itself, or the second try.
      behaviours[behaves ? (name as Behaviour) : 'well'](request, response);
    });
  }

  static async start(): Promise<FakeWallet> {
    const fake = new FakeWallet();
    await new Promise<void>((resolve) => fake.#server.listen(0, '127.0.0.1', resolve));
    return fake;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

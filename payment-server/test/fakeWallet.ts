import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

/** How the fake wallet answers one request. */
export type Behaviour = (request: IncomingMessage, response: ServerResponse) => void;

export const johnsWallet = { customerName: 'john_doe', walletId: 'oipk9ifgl7yto9w', walletBalance: 1790 };

/** Answers with exactly this body, of any type. */
export function answer(
  status: number,
  body: string | Buffer,
  headers: Record<string, string> = { 'Content-Type': 'application/json' },
): Behaviour {
  return (_request, response) => {
    response.writeHead(status, headers).end(body);
  };
}

export const good = answer(200, JSON.stringify(johnsWallet));
export const reset: Behaviour = ({ socket }) => {
  socket.resetAndDestroy();
};
export const hang: Behaviour = () => undefined;
/** Sends an answer that never ends, one byte every 5 ms. */
export const drip: Behaviour = (_request, response) => {
  response.writeHead(200, { 'Content-Type': 'application/json' });
  const drops = setInterval(() => response.write(' '), 5);
  response.on('close', () => {
    clearInterval(drops);
  });
};
/** Sends bytes that are not HTTP, or not a complete answer. */
export function raw(bytes: string): Behaviour {
  return ({ socket }) => socket.end(bytes);
}

export interface FakeWallet {
  url: string;
  /** The requests so far, in order of arrival. */
  requests: { path: string | undefined; headers: IncomingHttpHeaders; body: unknown }[];
  /** Sets one behaviour for each of the next requests. The last one also serves all later requests. */
  behave(...behaviours: [Behaviour, ...Behaviour[]]): void;
  /** Resolves when the next request has arrived. `ended` resolves when its response has closed. */
  nextRequest(): Promise<{ ended: Promise<unknown> }>;
  close(): Promise<void>;
}

/** Starts a real server on loopback in place of the wallet-server. */
export async function startFakeWallet(): Promise<FakeWallet> {
  let behaviours: Behaviour[] = [good];
  const requests: FakeWallet['requests'] = [];
  const server = createServer((request, response) => {
    void (async () => {
      let text = '';
      for await (const chunk of request) text += String(chunk);
      requests.push({ path: request.url, headers: request.headers, body: JSON.parse(text) as unknown });
      const [behaviour = good] = behaviours;
      if (behaviours.length > 1) behaviours = behaviours.slice(1);
      server.emit('asked', { ended: once(response, 'close') });
      behaviour(request, response);
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    behave: (...next) => {
      behaviours = next;
      requests.length = 0;
    },
    nextRequest: async () => {
      const [request] = (await once(server, 'asked')) as [{ ended: Promise<unknown> }];
      return request;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

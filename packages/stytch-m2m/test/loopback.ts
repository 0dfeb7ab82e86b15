import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { Client } from 'stytch';
import { stytchConfig } from '../src';

export interface LoopbackServer {
  url: string;
  port: number;
  /**
   * The number of connections with an unanswered request. Unused ones do not count: undici opens one for each request
   * that it aborts, and closes it after 4 s.
   */
  busyConnections(): number;
  close(): Promise<void>;
}

/** Starts an HTTP server on a free port of the loopback interface. */
export async function listen(handler: RequestListener): Promise<LoopbackServer> {
  const busy = new Set<Socket>();
  const server = createServer((request, response) => {
    const { socket } = request;
    busy.add(socket);
    response.once('close', () => busy.delete(socket));
    handler(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    busyConnections: () => busy.size,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

/** The SDK with this base URL. Its warning about a base URL that is not Stytch's is silenced. */
export function sdkFor(url: string): Client {
  const warn = jest.spyOn(console, 'warn').mockImplementation();
  try {
    return new Client(
      stytchConfig({ projectId: 'project-test-1', secret: 'secret-of-the-project', baseUrl: url }),
    );
  } finally {
    warn.mockRestore();
  }
}

/** Blocks connections that leave this machine, for all tests of a file. */
export function closeNetwork(): void {
  const connect = Reflect.get(Socket.prototype, 'connect');
  beforeAll(() => {
    Socket.prototype.connect = function (this: Socket, ...given: unknown[]) {
      const [to] = given.flat() as [{ host?: string }];
      if (to.host !== '127.0.0.1') throw new Error(`The network is closed to tests: ${String(to.host)}`);
      return Reflect.apply(connect, this, given) as Socket;
    };
  });
  afterAll(() => {
    Socket.prototype.connect = connect;
  });
}

/** Resolves when the condition is true. Rejects after 30 seconds of real time, even with a fake clock. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const [start] = process.hrtime();
  while (!(await condition())) {
    if (process.hrtime()[0] > start + 30) throw new Error('The condition did not come true');
    await wait(2);
  }
}

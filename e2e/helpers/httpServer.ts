import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An HTTP server on 127.0.0.1, in the process of the test. */
export interface HttpServer {
  readonly server: Server;
  readonly url: string;
  /** Closes all connections, and waits until the server has closed. */
  readonly stop: () => Promise<void>;
}

/** Starts a server on a free port. Without a listener it accepts requests and never answers. */
export async function startHttpServer(listener?: RequestListener): Promise<HttpServer> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    server,
    url: `http://127.0.0.1:${port}`,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

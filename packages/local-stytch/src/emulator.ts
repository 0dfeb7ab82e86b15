import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Express } from 'express';
import type { Controlled } from './adminApi';
import { createApp, type Dependencies } from './app';
import { Changes } from './changes';
import { Events } from './console/events';
import { ConsoleContent } from './console/services';
import { Faults } from './faults';
import { RequestLog } from './requestLog';
import { createState, type Snapshot } from './state';
import { TraceStore } from './traces';

export interface Emulator extends Controlled {
  app: Express;
}

/** Makes an emulator of one project. It opens nothing. */
export function createEmulator(
  initial: Snapshot,
  options: Pick<Dependencies, 'reportError' | 'adminToken'>,
): Emulator {
  const changes = new Changes();
  const stores = {
    state: createState(initial, changes),
    faults: new Faults(changes),
    requests: new RequestLog(changes),
    traces: new TraceStore(changes),
  };
  const controlled = { ...stores, events: new Events(stores), content: new ConsoleContent(changes) };
  return { ...controlled, app: createApp({ ...controlled, ...options }) };
}

export interface ListenOptions {
  /** Default 127.0.0.1. */
  host?: string | undefined;
  /** Default 0: the operating system chooses a free one. */
  port?: number | undefined;
}

export interface RunningEmulator extends Emulator {
  url: string;
  port: number;
  /** Stops at once: it closes all connections. */
  close(): Promise<void>;
}

/**
 * Listens over plain HTTP.
 *
 * @throws Error that says why the port cannot be used.
 */
export async function listen(
  emulator: Emulator,
  { host = '127.0.0.1', port = 0 }: ListenOptions,
): Promise<RunningEmulator> {
  // The app answers a request without a Host header.
  const server = createServer({ requireHostHeader: false }, emulator.app);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason = error.code === 'EADDRINUSE' ? 'it is in use' : error.message;
      reject(new Error(`local-stytch cannot listen on port ${port} of ${host}: ${reason}`, { cause: error }));
    });
    server.listen(port, host, resolve);
  });
  const { port: actualPort } = server.address() as AddressInfo;
  const url = `http://${urlHost(host)}:${actualPort}`;
  emulator.state.baseUrl = url;
  let closed: Promise<void> | undefined;
  const close = () =>
    new Promise<void>((resolve) => {
      emulator.events.close();
      server.close(() => {
        resolve();
      });
      server.closeAllConnections();
    });
  return { ...emulator, url, port: actualPort, close: () => (closed ??= close()) };
}

/** The host of a URL that this machine can call. `0.0.0.0` and `::` are addresses to listen on only. */
function urlHost(host: string): string {
  if (['127.0.0.1', '0.0.0.0', '::'].includes(host)) return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}

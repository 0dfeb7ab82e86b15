import { createServer, type RequestListener, type ServerOptions } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Listens on a free port of this machine, tells the parent process where, and ends when that is gone. */
export function listen(app: RequestListener, options: ServerOptions = {}): void {
  const server = createServer(options, app).listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo;
    process.send?.({ listening: `http://127.0.0.1:${port}` });
  });
  process.once('disconnect', () => process.exit());
}

/** @throws Error when the environment does not have it. */
export function setting(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
}

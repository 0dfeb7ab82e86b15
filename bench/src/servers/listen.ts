import { createServer, type RequestListener, type ServerOptions } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Listens on a free port, announces it to the parent process, and exits when the parent process has ended. */
export function listen(app: RequestListener, options: ServerOptions = {}): void {
  const server = createServer(options, app).listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo;
    process.send?.({ listening: `http://127.0.0.1:${port}` });
  });
  process.once('disconnect', () => process.exit());
}

/** Reads an environment variable. @throws Error when it is not set. */
export function setting(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
}

import { createServer, type RequestListener, STATUS_CODES } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { ConfigError } from './config';
import type { Logger } from './logger';

/** How long requests in flight may take to finish once the server is told to stop, in milliseconds. */
const drainMilliseconds = 10_000;

export interface ServeOptions {
  /** The program's name, which is also its folder's. */
  name: string;
  app: RequestListener;
  host: string;
  /** 0 lets the operating system choose a free one. */
  port: number;
  logger: Logger;
}

export interface RunningServer {
  url: string;
  port: number;
  /** Takes no new connections, lets requests in flight finish within 10 s, then cuts what is left. */
  close(): Promise<void>;
}

/**
 * Listens.
 *
 * @throws ConfigError when the port is taken or may not be had: it says which, and how to choose another.
 */
export async function serve({ name, app, host, port, logger }: ServeOptions): Promise<RunningServer> {
  const server = createServer(
    { headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 65_000 },
    app,
  );
  server.on('clientError', answerBrokenRequest);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(new ConfigError(whyNotListening(error, name, host, port)));
    });
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo;
  const url = `http://${urlHost(host)}:${address.port}`;
  logger.info({ url }, 'listening');
  const close = () =>
    new Promise<void>((resolve) => {
      const deadline = setTimeout(() => {
        server.closeAllConnections();
      }, drainMilliseconds);
      server.close(() => {
        clearTimeout(deadline);
        resolve();
      });
    });
  return { url, port: address.port, close };
}

function urlHost(host: string): string {
  if (host === '127.0.0.1') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}

function whyNotListening(error: NodeJS.ErrnoException, name: string, host: string, port: number): string {
  const another = `choose another with PORT=${port + 1} in ${name}/.env`;
  if (error.code === 'EADDRINUSE')
    return `${name}: port ${port} on ${host} is taken; end what uses it, or ${another}.`;
  if (error.code === 'EACCES') return `${name}: port ${port} may not be used by this user; ${another}.`;
  return `${name}: cannot listen on ${host} port ${port}: ${error.message}`;
}

/** Bytes that are not HTTP, headers that are too large or too slow: a JSON answer, then the connection ends. */
function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status =
    error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
  const reason = STATUS_CODES[status] ?? '';
  const body = JSON.stringify({ error: reason, code: reason.toLowerCase().replaceAll(' ', '_') });
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\nConnection: close\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${body.length}\r\n\r\n${body}`,
  );
}

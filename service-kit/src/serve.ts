import { createServer, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Express } from 'express';
import { ConfigError } from './config';
import { expressClasses } from './expressClasses';
import { Readiness } from './health';
import type { Logger } from './logger';

/** How long a server that is told to stop goes on to listen while it is busy, in milliseconds. */
const listenOnMilliseconds = 5_000;
/** How long requests in flight may take to finish once the server is told to stop, in milliseconds. */
const drainMilliseconds = 10_000;

export interface ServeOptions {
  /** The program's name, which is also its folder's. */
  name: string;
  app: Express;
  host: string;
  /** 0 lets the operating system choose a free one. */
  port: number;
  logger: Logger;
  /** Told when the server is to stop, so that `/readyz` says so. Default one of its own. */
  readiness?: Readiness;
}

export interface RunningServer {
  url: string;
  port: number;
  /**
   * Stops: `/readyz` says 503, requests in flight finish, then nothing listens any more. While there are
   * requests it listens for up to 5 s longer, for those who send them do not know yet; what is not finished
   * after 10 s is cut.
   */
  close(): Promise<void>;
}

/**
 * Listens.
 *
 * @throws ConfigError when the port is taken or may not be had: it says which, and how to choose another.
 */
export async function serve({
  name,
  app,
  host,
  port,
  logger,
  readiness = new Readiness(),
}: ServeOptions): Promise<RunningServer> {
  const server = createServer({ ...timeouts, ...expressClasses(app) }, app);
  const inFlight = countRequests(server, readiness);
  server.on('clientError', answerBrokenRequest);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(new ConfigError(whyNotListening(error, name, host, port)));
    });
    server.listen(port, host, resolve);
  });
  // One connection that cannot be taken, for want of file descriptors, say, is no reason to end.
  server.on('error', (error) => {
    logger.error({ err: error }, 'connection not taken');
  });
  const address = server.address() as AddressInfo;
  const url = `http://${urlHost(host)}:${address.port}`;
  logger.info({ url }, 'listening');
  const close = async () => {
    logger.info({ requests: inFlight.count }, 'stopping');
    readiness.stop();
    const cut = setTimeout(() => {
      server.closeAllConnections();
    }, drainMilliseconds);
    await inFlight.none(listenOnMilliseconds);
    await new Promise((resolve) => server.close(resolve));
    clearTimeout(cut);
  };
  return { url, port: address.port, close };
}

/** Milliseconds. Keep-alive outlasts that of the usual proxies (60 s), so that it is they who close. */
const timeouts = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 5_000,
};

/** Counts the requests that are being answered; once the server is to stop, none keeps its connection. */
function countRequests(server: Server, readiness: Readiness) {
  let count = 0;
  server.prependListener('request', (_request, response: ServerResponse) => {
    count += 1;
    if (readiness.status === 'stopping') response.shouldKeepAlive = false;
    response.once('close', () => {
      count -= 1;
      if (count === 0) server.emit('idle');
      if (readiness.status === 'stopping') {
        setImmediate(() => {
          server.closeIdleConnections();
        });
      }
    });
  });
  return {
    get count() {
      return count;
    },
    /** Settles when no request is being answered, or when the time is over. */
    none: (milliseconds: number) =>
      new Promise<void>((resolve) => {
        if (count === 0) {
          resolve();
          return;
        }
        const timer = setTimeout(resolve, milliseconds);
        server.once('idle', () => {
          clearTimeout(timer);
          resolve();
        });
      }),
  };
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
  // A caller that does not close its end, too, would hold the socket for good.
  setTimeout(() => socket.destroy(), 1_000).unref();
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\nConnection: close\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${body.length}\r\n\r\n${body}`,
  );
}

import { createServer, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import { Server as SecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Express } from 'express';
import { ConfigError } from './config';
import { expressClasses } from './expressClasses';
import type { Readiness } from './health';
import type { Logger } from './logger';
import { createSecureServer, trackConnections } from './secureServer';
import type { TlsSource } from './tls';

export interface ListenOptions {
  /** The program's name, which is also its folder's. */
  name: string;
  app: Express;
  host: string;
  /** 0 lets the operating system choose a free one. */
  port: number;
  /** Which setting the port is from. */
  portSetting: 'PORT' | 'HEALTH_PORT';
  logger: Logger;
  /** Once it says `stopping`, no request keeps its connection. */
  readiness: Readiness;
  /** Default: plain HTTP. */
  tls?: TlsSource | undefined;
}

export interface Listening {
  url: string;
  port: number;
  /** How many requests are being answered. */
  readonly requests: number;
  /**
   * Ends it. While there are requests it listens for so long at most, in milliseconds; what is not finished
   * after `drainMilliseconds` is cut.
   */
  close(listenOnMilliseconds: number, drainMilliseconds: number): Promise<void>;
}

/** Milliseconds. Keep-alive outlasts that of the usual proxies (60 s), so that it is they who close. */
const timeouts = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 5_000,
};

/**
 * Listens on one port.
 *
 * @throws ConfigError when the port is taken or may not be had: it says which, and how to choose another.
 */
export async function listen(options: ListenOptions): Promise<Listening> {
  const { app, host, logger, readiness, tls } = options;
  const serverOptions = { ...timeouts, ...expressClasses(app) };
  const server = tls ? createSecureServer(serverOptions, app, tls, logger) : createServer(serverOptions, app);
  const connections = server instanceof SecureServer ? trackConnections(server) : [];
  const inFlight = countRequests(server, readiness);
  server.on('clientError', answerBrokenRequest);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(new ConfigError(whyNotListening(error, options)));
    });
    server.listen(options.port, host, resolve);
  });
  // One connection that cannot be taken, for want of file descriptors, say, is no reason to end.
  server.on('error', (error) => {
    logger.error({ err: error }, 'connection not taken');
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `${tls ? 'https' : 'http'}://${urlHost(host)}:${port}`,
    port,
    get requests() {
      return inFlight.count;
    },
    close: async (listenOnMilliseconds, drainMilliseconds) => {
      const cut = setTimeout(() => {
        server.closeAllConnections();
        for (const connection of connections) connection.destroy();
      }, drainMilliseconds);
      await inFlight.none(listenOnMilliseconds);
      await new Promise((resolve) => server.close(resolve));
      clearTimeout(cut);
    },
  };
}

/** Counts the requests that are being answered; once the server is to stop, none keeps its connection. */
function countRequests(server: Server, readiness: Readiness) {
  let count = 0;
  const answered = () => {
    count -= 1;
    if (count === 0) server.emit('idle');
    if (readiness.status !== 'stopping') return;
    setImmediate(() => {
      server.closeIdleConnections();
    });
  };
  server.prependListener('request', (_request, response: ServerResponse) => {
    count += 1;
    if (readiness.status === 'stopping') response.shouldKeepAlive = false;
    response.on('close', answered);
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

function whyNotListening(error: NodeJS.ErrnoException, options: ListenOptions): string {
  const { name, host, port, portSetting } = options;
  const another = `choose another with ${portSetting}=${port + 1} in ${name}/.env`;
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

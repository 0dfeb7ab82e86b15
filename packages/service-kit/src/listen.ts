import { createServer, STATUS_CODES } from 'node:http';
import { Server as SecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Express } from 'express';
import { ConfigError } from './config';
import { type ConnectionLimits, Connections } from './connections';
import { expressClasses } from './expressClasses';
import type { Readiness } from './health';
import type { Logger } from './logger';
import { createSecureServer, trackConnections } from './secureServer';
import type { TlsSource } from './tls';

export interface ListenOptions {
  /** The program's name. */
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
  limits?: ConnectionLimits | undefined;
}

export interface Listening {
  url: string;
  port: number;
  /** How many requests have come and are not answered. */
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
 * @throws ConfigError when the port is taken or not allowed: it says which, and how to choose another.
 */
export async function listen(options: ListenOptions): Promise<Listening> {
  const { app, host, logger, readiness, tls, limits } = options;
  // A request without a Host is the app's to refuse: what Node refuses by itself, no limit counts.
  const serverOptions = { ...timeouts, requireHostHeader: false, ...expressClasses(app) };
  const server = tls ? createSecureServer(serverOptions, tls, logger) : createServer(serverOptions);
  const rawConnections = server instanceof SecureServer ? trackConnections(server) : [];
  const connections = new Connections(server, app, readiness, limits);
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
      return connections.requests;
    },
    close: async (listenOnMilliseconds, drainMilliseconds) => {
      const cut = setTimeout(() => {
        server.closeAllConnections();
        for (const connection of rawConnections) connection.destroy();
      }, drainMilliseconds);
      await connections.settled(listenOnMilliseconds);
      connections.drain();
      await new Promise((resolve) => server.close(resolve));
      clearTimeout(cut);
    },
  };
}

function urlHost(host: string): string {
  if (host === '127.0.0.1') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}

function whyNotListening(error: NodeJS.ErrnoException, options: ListenOptions): string {
  const { name, host, port, portSetting } = options;
  const another = `choose another with ${portSetting}=${port + 1} in the .env of ${name}`;
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

import { createServer, STATUS_CODES } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Express } from 'express';
import { ConfigError } from './config';
import { type ConnectionLimits, Connections } from './connections';
import { expressClasses } from './expressClasses';
import type { Readiness } from './health';
import type { Logger } from './logger';
import { createSecureServer } from './secureServer';
import type { TlsSource } from './tls';

export interface ListenOptions {
  /** The program's name, for error messages. */
  name: string;
  app: Express;
  host: string;
  /** 0 lets the operating system choose. */
  port: number;
  /** The setting for the port, for error messages. */
  portSetting: 'PORT' | 'HEALTH_PORT';
  logger: Logger;
  readiness: Readiness;
  /** Makes it an https server. Default: plain HTTP. */
  tls?: TlsSource | undefined;
  limits?: ConnectionLimits | undefined;
}

/** Milliseconds. Keep-alive is longer than that of most proxies (60 s), so that the proxy closes the connection. */
const timeouts = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 5_000,
};

/**
 * Listens on one port.
 *
 * @throws ConfigError when the port is in use or not allowed.
 */
export async function listen(options: ListenOptions) {
  const { app, host, logger, readiness, tls, limits } = options;
  // The app answers requests without `Host`: an answer of Node's own would be outside all limits.
  const serverOptions = { ...timeouts, requireHostHeader: false, ...expressClasses(app) };
  const server = tls ? createSecureServer(serverOptions, tls, logger) : createServer(serverOptions);
  /** All connections, including those before or in the TLS handshake, which `closeAllConnections` leaves open. */
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const connections = new Connections(server, app, readiness, limits);
  server.on('clientError', answerBrokenRequest);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(new ConfigError(whyNotListening(error, options)));
    });
    server.listen(options.port, host, resolve);
  });
  // For example when there are no file descriptors left. The server goes on.
  server.on('error', (error) => {
    logger.error({ err: error }, 'connection not accepted');
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `${tls ? 'https' : 'http'}://${urlHost(host)}:${port}`,
    port,
    /** Returns how many requests are not answered yet. */
    requests: () => connections.requests,
    /**
     * Keeps listening for up to `listenMilliseconds` while requests are not answered. Closes all connections after
     * `drainMilliseconds`.
     */
    close: async (listenMilliseconds: number, drainMilliseconds: number) => {
      const abort = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, drainMilliseconds);
      await connections.allAnswered(listenMilliseconds);
      connections.drain();
      await new Promise((resolve) => server.close(resolve));
      clearTimeout(abort);
    },
  };
}

function urlHost(host: string): string {
  if (host === '127.0.0.1') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}

function whyNotListening(error: NodeJS.ErrnoException, options: ListenOptions): string {
  const { name, host, port, portSetting } = options;
  const another = `choose another port with ${portSetting}=${port + 1} in the .env of ${name}`;
  if (error.code === 'EADDRINUSE')
    return `${name}: port ${port} on ${host} is in use; stop the program that uses it, or ${another}.`;
  if (error.code === 'EACCES') return `${name}: this user may not use port ${port}; ${another}.`;
  return `${name}: cannot listen on ${host} port ${port}: ${error.message}`;
}

/** Answers bytes that are not HTTP, and headers that are too large or too slow, in JSON. Closes the connection. */
function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status =
    error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
  const reason = STATUS_CODES[status] ?? '';
  const body = JSON.stringify({ error: reason, code: reason.toLowerCase().replaceAll(' ', '_') });
  // A client that never closes its side would hold the socket forever.
  setTimeout(() => socket.destroy(), 1_000).unref();
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\nConnection: close\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${body.length}\r\n\r\n${body}`,
  );
}

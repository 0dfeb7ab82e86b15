import type { ServerOptions } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { clientCertificateOf, isValidNow } from './clientCertificate';
import type { Logger } from './logger';
import type { TlsSource } from './tls';
import { tlsOptions } from './tlsCredentials';

/** How long a TLS handshake may take, in milliseconds. */
const handshakeTimeout = 10_000;
/** How often the log tells of handshakes that fail for one reason, in milliseconds. */
const sameReasonMilliseconds = 60_000;

/**
 * An https server. Where the credentials has CAs, a client has to have a certificate of one of them.
 * New credentials count for new connections; those that are there stay as they are.
 */
export function createSecureServer(options: ServerOptions, tls: TlsSource, logger: Logger): Server {
  const mutual = tls.current.ca !== undefined;
  const server = createServer({
    ...options,
    ...tlsOptions(tls.current),
    handshakeTimeout,
    requestCert: mutual,
    rejectUnauthorized: mutual,
  });
  tls.onChange((credentials) => {
    server.setSecureContext(tlsOptions(credentials));
  });
  const tell = tellOncePerReason(logger);
  // Ahead of Node's own listener, which makes a `clientError` of it: there is nobody to answer over HTTP.
  server.prependListener('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
    tell(reasonOf(error, socket), socket.remoteAddress);
    socket.destroy();
  });
  // The resumption of a session takes the certificate as it was when the session began.
  server.prependListener('secureConnection', (socket) => {
    if (isValidNow(clientCertificateOf(socket))) return;
    tell('CERT_HAS_EXPIRED', socket.remoteAddress);
    socket.destroy();
  });
  return server;
}

/** The connections of a server that are there, also those that have not got as far as HTTP: for cutting them. */
export function trackConnections(server: Server): ReadonlySet<Socket> {
  const connections = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  return connections;
}

/** A certificate that is not accepted ends the connection without an error: the socket has the reason. */
function reasonOf({ code }: NodeJS.ErrnoException, socket: TLSSocket): string {
  const refusal: unknown = socket.authorizationError;
  return typeof refusal === 'string' ? refusal : (code ?? 'unknown');
}

/** Port scans and probes by TCP are not worth a line each; that a caller has no good certificate is worth one. */
function tellOncePerReason(logger: Logger) {
  const toldAt = new Map<string, number>();
  return (reason: string, address: string | undefined) => {
    const now = performance.now();
    const again = now - (toldAt.get(reason) ?? -Infinity) < sameReasonMilliseconds;
    if (!again) toldAt.set(reason, now);
    logger[again || reason === 'ECONNRESET' ? 'debug' : 'info']({ reason, address }, 'tls handshake failed');
  };
}

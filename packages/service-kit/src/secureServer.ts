import type { ServerOptions } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { isCertificateValidNow } from './clientCertificate';
import type { Logger } from './logger';
import type { TlsSource } from './tls';
import { tlsOptions } from './tlsCredentials';

/** Milliseconds. */
const handshakeTimeout = 10_000;
/** Failed handshakes for the same reason are logged once in this time. Milliseconds. */
const logIntervalMilliseconds = 60_000;

/**
 * Creates an https server. If the credentials contain CAs, every client must have a certificate of one of them.
 * Reloaded credentials apply to new connections.
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
  const logFailure = failureLogger(logger);
  // Before Node's own listener, which emits `clientError`: an answer over HTTP is impossible here.
  server.prependListener('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
    logFailure(reasonOf(error, socket), socket.remoteAddress);
    socket.destroy();
  });
  // A resumed session has the certificate of its first handshake, which may have expired.
  server.prependListener('secureConnection', (socket) => {
    if (isCertificateValidNow(socket)) return;
    logFailure('CERT_HAS_EXPIRED', socket.remoteAddress);
    socket.destroy();
  });
  return server;
}

/** For a refused certificate, the reason is on the socket and not in the error. */
function reasonOf({ code }: NodeJS.ErrnoException, socket: TLSSocket): string {
  const refusal: unknown = socket.authorizationError;
  return typeof refusal === 'string' ? refusal : (code ?? 'unknown');
}

/** Port scans and TCP probes are logged at level debug, and so are repetitions. */
function failureLogger(logger: Logger) {
  const loggedAt = new Map<string, number>();
  return (reason: string, address: string | undefined) => {
    const now = performance.now();
    const repeated = now - (loggedAt.get(reason) ?? -Infinity) < logIntervalMilliseconds;
    if (!repeated) loggedAt.set(reason, now);
    const level = repeated || reason === 'ECONNRESET' ? 'debug' : 'info';
    logger[level]({ reason, address }, 'TLS handshake failed');
  };
}

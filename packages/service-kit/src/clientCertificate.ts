import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { HttpError } from './errors';

/** What is to know of the certificate that a client showed. */
export interface ClientCertificate {
  /** When it begins and ends, in epoch milliseconds. Without a certificate: always valid. */
  validFrom: number;
  validTo: number;
  /**
   * The subject alternative names, as Node writes them. Undefined without a certificate, or when the server
   * has not checked which CA it is from.
   */
  names: string | undefined;
}

const none: ClientCertificate = { validFrom: -Infinity, validTo: Infinity, names: undefined };
const key = Symbol('client certificate');

interface KeepsCertificate extends Socket {
  [key]?: ClientCertificate | undefined;
}

/** The certificate of a connection, which is read once: it does not change. */
export function clientCertificateOf(socket: KeepsCertificate): ClientCertificate {
  return (socket[key] ??= read(socket));
}

function read(socket: Socket): ClientCertificate {
  if (!(socket instanceof TLSSocket)) return none;
  const certificate = socket.getPeerX509Certificate();
  if (!certificate) return none;
  const { validFrom, validTo, subjectAltName = '' } = certificate;
  const names = socket.authorized ? subjectAltName : undefined;
  return { validFrom: Date.parse(validFrom), validTo: Date.parse(validTo), names };
}

/** Whether the client's certificate is valid at this moment. The resumption of a TLS session does not check it. */
export function isValidNow({ validFrom, validTo }: ClientCertificate): boolean {
  const now = Date.now();
  return validFrom <= now && now < validTo;
}

/** The refusal of a client whose certificate has ended since its connection began. */
export function whyCertificateRefused(socket: Socket): HttpError | undefined {
  const { validTo } = clientCertificateOf(socket);
  if (validTo === Infinity || Date.now() < validTo) return undefined;
  return clientNotAllowed("the client's certificate has expired");
}

/** @param reason for the log. The caller does not learn it. */
export function clientNotAllowed(reason: string): HttpError {
  const headers = { Connection: 'close' };
  const cause = new Error(reason);
  return new HttpError(403, 'client_not_allowed', 'This client may not call here', { headers, cause });
}

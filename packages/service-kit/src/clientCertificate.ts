import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { HttpError } from './errors';

/** A client's certificate. */
interface ClientCertificate {
  /** Epoch milliseconds. */
  validFrom: number;
  /** Epoch milliseconds. */
  validTo: number;
  /** The subject alternative names in Node's format. Undefined if the server has not verified the certificate. */
  names: string | undefined;
}

const noCertificate: ClientCertificate = { validFrom: -Infinity, validTo: Infinity, names: undefined };
const certificates = new WeakMap<Socket, ClientCertificate>();

/** Returns the certificate of a connection. It is parsed once for each connection. */
export function clientCertificateOf(socket: Socket): ClientCertificate {
  let certificate = certificates.get(socket);
  if (!certificate) {
    certificate = parseCertificate(socket);
    certificates.set(socket, certificate);
  }
  return certificate;
}

function parseCertificate(socket: Socket): ClientCertificate {
  if (!(socket instanceof TLSSocket)) return noCertificate;
  const certificate = socket.getPeerX509Certificate();
  if (!certificate) return noCertificate;
  const { validFrom, validTo, subjectAltName = '' } = certificate;
  const names = socket.authorized ? subjectAltName : undefined;
  return { validFrom: Date.parse(validFrom), validTo: Date.parse(validTo), names };
}

/** Whether the certificate is valid now. A resumed TLS session does not check this. */
export function isValidNow({ validFrom, validTo }: ClientCertificate): boolean {
  const now = Date.now();
  return validFrom <= now && now < validTo;
}

/** Returns an error if the client's certificate has expired since its connection began. */
export function whyCertificateRefused(socket: Socket): HttpError | undefined {
  const { validTo } = clientCertificateOf(socket);
  if (validTo === Infinity || Date.now() < validTo) return undefined;
  return clientNotAllowed("the client's certificate has expired");
}

/** @param reason is logged, and not sent to the caller. */
export function clientNotAllowed(reason: string): HttpError {
  const headers = { Connection: 'close' };
  const cause = new Error(reason);
  return new HttpError(403, 'client_not_allowed', 'This client may not call here', { headers, cause });
}

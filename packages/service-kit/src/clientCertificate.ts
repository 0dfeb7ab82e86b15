import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { HttpError } from './errors';

interface ClientCertificate {
  /** Epoch milliseconds. */
  validFrom: number;
  /** Epoch milliseconds. */
  validTo: number;
  /** Subject alternative names such as `DNS:name`. Undefined if the server has not verified the certificate. */
  names: readonly string[] | undefined;
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
  const names = socket.authorized ? parseNames(subjectAltName) : undefined;
  return { validFrom: Date.parse(validFrom), validTo: Date.parse(validTo), names };
}

/** One name. Node writes a name with special characters as a JSON string, so that it cannot look like two names. */
const formattedName = /([^:",]+:(?:"(?:[^"\\]|\\.)*"|[^",]*))(?:, |$)/gy;

/** Returns no name when any of them is not in Node's format: no part of a name is taken for a name. */
function parseNames(text: string): string[] {
  const matches = [...text.matchAll(formattedName)];
  const isComplete = matches.map(([match]) => match).join('') === text;
  return isComplete ? matches.map(([, name = '']) => normalizeName(name)) : [];
}

/** DNS names are case-insensitive. */
export function normalizeName(name: string): string {
  return name.startsWith('DNS:') ? `DNS:${name.slice(4).toLowerCase()}` : name;
}

/** Whether a client's certificate is valid now, or missing. A resumed TLS session does not check this. */
export function isCertificateValidNow(socket: Socket): boolean {
  const { validFrom, validTo } = clientCertificateOf(socket);
  const now = Date.now();
  return validFrom <= now && now < validTo;
}

/** @param reason is logged, and not sent to the caller. */
export function clientNotAllowed(reason: string): HttpError {
  const headers = { Connection: 'close' };
  const cause = new Error(reason);
  return new HttpError(403, 'client_not_allowed', 'This client may not call here', { headers, cause });
}

import type { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import { HttpError } from './errors';

/** A DNS name that is one host's: no wildcard. */
const hostName = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i;

/** Names of clients, separated by commas: DNS names and URIs, as they stand in certificates. */
export function clientNames() {
  return z
    .string()
    .transform((value) => value.split(',').map((name) => name.trim()))
    .refine((names) => names.every((name) => hostName.test(name) || isUri(name)), {
      error: 'must be DNS names without a wildcard, or URIs, separated by commas',
    });
}

function isUri(name: string): boolean {
  return /^[a-z][a-z0-9+.-]*:[^\s,"'\\]+$/i.test(name);
}

/**
 * Middleware that lets clients call which have one of these names in their certificate, and refuses others 403:
 * that a CA knows a service is no reason to let it in. It is for servers that ask for client certificates, and
 * trusts the connection to have checked them.
 *
 * @param names DNS names and URIs, such as SPIFFE ids. A certificate's subject alternative names are compared
 *   with them (RFC 9525 §6.3: the common name does not count; no wildcards).
 */
export function requireClientNames(names: readonly string[]): RequestHandler {
  const allowed = new Set(names.map((name) => identifier(name.includes(':') ? 'URI' : 'DNS', name)));
  /** A certificate is that of its connection for good. */
  const verdicts = new WeakMap<Socket, Verdict>();
  return ({ socket }, _response, next) => {
    let verdict = verdicts.get(socket);
    if (!verdict) {
      verdict = judge(socket, allowed);
      verdicts.set(socket, verdict);
    }
    if (Date.now() < verdict.allowedUntil) next();
    else {
      const headers = { Connection: 'close' };
      const cause = new Error(verdict.otherwise);
      next(new HttpError(403, 'client_not_allowed', 'This client may not call here', { headers, cause }));
    }
  };
}

interface Verdict {
  /** Epoch milliseconds; a connection can outlive the certificate that it began with. */
  allowedUntil: number;
  /** Why it is refused from then on. */
  otherwise: string;
}

function judge(socket: Socket, allowed: ReadonlySet<string>): Verdict {
  // `authorized` is false for a certificate that is not of a CA that is trusted.
  const certificate =
    socket instanceof TLSSocket && socket.authorized ? socket.getPeerX509Certificate() : undefined;
  if (!certificate) return { allowedUntil: 0, otherwise: 'the client has shown no certificate' };
  const { subjectAltName = 'nobody', validTo } = certificate;
  if (alternativeNames(certificate)?.some((name) => allowed.has(name)) === true) {
    return { allowedUntil: Date.parse(validTo), otherwise: "the client's certificate has expired" };
  }
  return { allowedUntil: 0, otherwise: `the client's certificate is for ${subjectAltName}` };
}

function identifier(type: string, value: string): string {
  return `${type}:${type === 'DNS' ? value.toLowerCase() : value}`;
}

/**
 * One name as Node writes it: in quotes, as JSON, where it has characters that could make it look like two. It
 * stays so, for none that is allowed has any of these.
 */
const writtenName = /([^:",]+):("(?:[^"\\]|\\.)*"|[^",]*)(?:, |$)/y;

/**
 * The subject alternative names of a certificate, as `DNS:name` or `URI:uri`, among others.
 *
 * @returns undefined when they are not written as Node writes them, so that nothing is taken for a name that
 *   is but a part of one.
 */
function alternativeNames({
  subjectAltName = '',
}: Pick<X509Certificate, 'subjectAltName'>): string[] | undefined {
  const names: string[] = [];
  for (let at = 0; at < subjectAltName.length; at = writtenName.lastIndex) {
    writtenName.lastIndex = at;
    const [, type, value] = writtenName.exec(subjectAltName) ?? [];
    if (type === undefined || value === undefined) return undefined;
    names.push(identifier(type, value));
  }
  return names;
}

import type { Socket } from 'node:net';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import { clientCertificateOf, clientNotAllowed } from './clientCertificate';

const dnsName = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i;
const uri = /^[a-z][a-z0-9+.-]*:[^\s,"'\\]+$/i;

/** A setting: DNS names and URIs of client certificates, separated by commas. */
export function clientNames() {
  return z
    .string()
    .transform((value) => value.split(',').map((name) => name.trim()))
    .refine((names) => names.every((name) => dnsName.test(name) || uri.test(name)), {
      error: 'must be DNS names without a wildcard, or URIs, separated by commas',
    });
}

/**
 * Middleware that accepts only clients with one of these names in their certificate, and answers 403 to others. Use it
 * on servers that require client certificates: they verify the CA, and this checks which of its clients may call.
 *
 * @param names DNS names and URIs, such as SPIFFE ids. They are compared with the subject alternative names of the
 *   certificate (RFC 9525 §6.3: the common name is not used). Wildcards do not match.
 */
export function requireClientNames(names: readonly string[]): RequestHandler {
  const allowed = new Set(names.map((name) => identifier(name.includes(':') ? 'URI' : 'DNS', name)));
  /** Why a connection is refused, or undefined. The certificate of a connection does not change. */
  const reasons = new WeakMap<Socket, string | undefined>();
  return ({ socket }, _response, next) => {
    if (!reasons.has(socket)) reasons.set(socket, whyNotAllowed(clientCertificateOf(socket).names, allowed));
    const reason = reasons.get(socket);
    next(reason === undefined ? undefined : clientNotAllowed(reason));
  };
}

function whyNotAllowed(names: string | undefined, allowed: ReadonlySet<string>): string | undefined {
  if (names === undefined) return 'the client has no verified certificate';
  if (parseNames(names)?.some((name) => allowed.has(name)) === true) return undefined;
  return `the client's certificate is for ${names || 'nobody'}`;
}

function identifier(type: string, value: string): string {
  return `${type}:${type === 'DNS' ? value.toLowerCase() : value}`;
}

/** One name in Node's format. A name with special characters is a JSON string, so that it cannot look like two. */
const formattedName = /([^:",]+):("(?:[^"\\]|\\.)*"|[^",]*)(?:, |$)/y;

/**
 * Parses subject alternative names into identifiers such as `DNS:name` and `URI:uri`. Quoted names stay quoted: no
 * allowed name contains a character that needs quotes.
 *
 * @returns undefined if the text is not in Node's format, so that no part of a name is taken for a name.
 */
function parseNames(text: string): string[] | undefined {
  const names: string[] = [];
  for (let at = 0; at < text.length; at = formattedName.lastIndex) {
    formattedName.lastIndex = at;
    const [, type, value] = formattedName.exec(text) ?? [];
    if (type === undefined || value === undefined) return undefined;
    names.push(identifier(type, value));
  }
  return names;
}

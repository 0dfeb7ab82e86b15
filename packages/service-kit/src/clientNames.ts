import type { Socket } from 'node:net';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import { type ClientCertificate, clientCertificateOf, clientNotAllowed } from './clientCertificate';

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
  /** Why a connection is refused; undefined when it is not. Its certificate does not change. */
  const verdicts = new WeakMap<Socket, string | undefined>();
  return ({ socket }, _response, next) => {
    if (!verdicts.has(socket)) verdicts.set(socket, whyNotAllowed(clientCertificateOf(socket), allowed));
    const reason = verdicts.get(socket);
    next(reason === undefined ? undefined : clientNotAllowed(reason));
  };
}

function whyNotAllowed({ names }: ClientCertificate, allowed: ReadonlySet<string>): string | undefined {
  if (names === undefined) return 'the client has shown no certificate';
  if (alternativeNames(names)?.some((name) => allowed.has(name)) === true) return undefined;
  return `the client's certificate is for ${names || 'nobody'}`;
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
function alternativeNames(written: string): string[] | undefined {
  const names: string[] = [];
  for (let at = 0; at < written.length; at = writtenName.lastIndex) {
    writtenName.lastIndex = at;
    const [, type, value] = writtenName.exec(written) ?? [];
    if (type === undefined || value === undefined) return undefined;
    names.push(identifier(type, value));
  }
  return names;
}

import type { RequestHandler } from 'express';
import { z } from 'zod';
import { clientCertificateOf, clientNotAllowed, normalizeName } from './clientCertificate';

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
  const allowed = new Set(
    names.map((name) => normalizeName(`${name.includes(':') ? 'URI' : 'DNS'}:${name}`)),
  );
  return ({ socket }, _response, next) => {
    const { names: shown } = clientCertificateOf(socket);
    if (!shown) next(clientNotAllowed('the client has no verified certificate'));
    else if (shown.some((name) => allowed.has(name))) next();
    else next(clientNotAllowed(`the client's certificate is for ${shown.join(', ') || 'no name'}`));
  };
}

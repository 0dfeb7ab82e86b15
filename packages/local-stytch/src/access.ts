import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import type { RequestHandler } from 'express';
import { isPrivateHostName } from 'service-kit';
import { TransportError } from './errors';

const localNames: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * Refuses requests that a web page sends through a browser on this machine. The Host header shows DNS rebinding (a name
 * of the page that resolves to this address), Origin a form or a script, and Sec-Fetch-Site an image or a link.
 *
 * @param exposed whether other machines may call. Then the Host header may also be an IP address or a private name:
 *   no page can have these.
 */
export function refuseForeignPages(exposed: boolean): RequestHandler {
  return ({ httpVersion, headers: { host, origin, 'sec-fetch-site': site } }, _response, next) => {
    // RFC 9112 §3.2
    if (host === undefined && httpVersion === '1.1') throw new TransportError(400, 'malformedRequest');
    const name = hostname(`http://${host ?? ''}`);
    const expected = isLocal(name) || (exposed && (isAddress(name) || isPrivateHostName(name)));
    const foreign = origin === undefined ? site === 'cross-site' : !isLocal(hostname(origin));
    if (!expected || foreign) {
      throw new TransportError(403, exposed ? 'foreignHost' : 'foreignPage');
    }
    next();
  };
}

function hostname(address: string): string {
  return URL.canParse(address) ? new URL(address).hostname : '';
}

function isLocal(name: string): boolean {
  return localNames.has(name);
}

function isAddress(name: string): boolean {
  return isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0;
}

/** Requires the token as `Authorization: Bearer` (RFC 6750 §2.1). */
export function requireAdminToken(adminToken: string): RequestHandler {
  const expected = digest(adminToken);
  return ({ headers: { authorization = '' } }, _response, next) => {
    const [, token = ''] = /^Bearer +([\w.~+/-]+=*)$/i.exec(authorization) ?? [];
    // timingSafeEqual requires equal lengths, and all digests have the same.
    if (!timingSafeEqual(digest(token), expected)) {
      throw new TransportError(401, 'adminTokenRequired', {
        'WWW-Authenticate': 'Bearer realm="local-stytch admin API"',
      });
    }
    next();
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

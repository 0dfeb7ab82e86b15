import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import type { RequestHandler } from 'express';
import { isPrivateHostName } from 'service-kit';
import { TransportError } from './errors';

const localNames: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * Refuses what a web page may send through a browser that can reach this server: with a host name of its own that it
 * resolves to this address (DNS rebinding: the Host header tells), by a form or a script (Origin tells), or by an image
 * or a link (Sec-Fetch-Site tells).
 *
 * @param exposed whether other machines may call: then the Host header may be an IP address or a private name too,
 *   neither of which a page can have.
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

/** Lets through whoever sends the token as `Authorization: Bearer` (RFC 6750 §2.1). */
export function requireAdminToken(adminToken: string): RequestHandler {
  const expected = digest(adminToken);
  return ({ headers: { authorization = '' } }, _response, next) => {
    const [, token = ''] = /^Bearer +([\w.~+/-]+=*)$/i.exec(authorization) ?? [];
    // Digests have one length, which timingSafeEqual asks for.
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

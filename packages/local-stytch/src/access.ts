import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Request, RequestHandler } from 'express';
import { isPrivateHostName } from 'service-kit';
import { TransportError } from './errors';
import { createSecret } from './secrets';

const localNames: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * Refuses requests that a web page sends through a browser on this machine. The Host header shows DNS rebinding (a name
 * of the page that resolves to this address), Origin a form or a script, and Sec-Fetch-Site an image or a link.
 *
 * @param exposed whether other machines may call. Then the Host header may also be an IP address or a private name:
 *   no page can have these.
 *
 * A link from another page may open the console. The admin API accepts a page only if it is of its own origin: a page of
 * another port of this machine is foreign there.
 */
export function refuseForeignPages(exposed: boolean): RequestHandler {
  return (request, _response, next) => {
    const { host, origin, 'sec-fetch-site': site, 'sec-fetch-mode': mode } = request.headers;
    const { httpVersion, path } = request;
    // RFC 9112 §3.2
    if (host === undefined && httpVersion === '1.1') throw new TransportError(400, 'malformedRequest');
    const name = hostname(`http://${host ?? ''}`);
    const expected = isLocal(name) || (exposed && (isAddress(name) || isPrivateHostName(name)));
    const opensConsole = path === '/' && mode === 'navigate';
    const isAdmin = path === '/local' || path.startsWith('/local/');
    const foreign =
      origin === undefined ? site === 'cross-site' && !opensConsole : !isAdmin && !isLocal(hostname(origin));
    if (!expected || foreign) {
      throw new TransportError(403, exposed ? 'foreignHost' : 'foreignPage');
    }
    if (isAdmin && origin !== undefined && !isOwnOrigin(origin, request)) {
      throw new TransportError(403, 'foreignOrigin');
    }
    next();
  };
}

function isOwnOrigin(origin: string, { headers: { host = '' }, socket }: Request): boolean {
  const own = `${socket instanceof TLSSocket ? 'https' : 'http'}://${host}`;
  return URL.canParse(own) && new URL(own).origin === origin;
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

/** Decides who may use the admin API. */
export interface AdminAccess {
  /** Middleware: requires the token as `Authorization: Bearer` (RFC 6750 §2.1), or the cookie. */
  require: RequestHandler;
  /** Returns a cookie for the console's page. @throws TransportError when the token is wrong. */
  openSession: (token: string, request: Request) => string;
}

/** The name of the cookie. */
const sessionCookie = 'local-stytch-session';

/** The cookie's value is random, so that it is worthless after a restart and to another emulator. */
export function createAdminAccess(adminToken: string): AdminAccess {
  const session = createSecret();
  const [expectedToken, expectedSession] = [digest(adminToken), digest(session)];
  return {
    require: ({ headers: { authorization = '', cookie = '' } }, _response, next) => {
      const [, token = ''] = /^Bearer +([\w.~+/-]+=*)$/i.exec(authorization) ?? [];
      const [, value = ''] = new RegExp(`(?:^|; )${sessionCookie}=([\\w-]+)`).exec(cookie) ?? [];
      if (!matches(token, expectedToken) && !matches(value, expectedSession)) throw tokenRequired();
      next();
    },
    openSession: (token, { socket }) => {
      if (!matches(token, expectedToken)) throw tokenRequired();
      const secure = socket instanceof TLSSocket ? '; Secure' : '';
      return `${sessionCookie}=${session}; HttpOnly; SameSite=Strict; Path=/local${secure}`;
    },
  };
}

function tokenRequired(): TransportError {
  return new TransportError(401, 'adminTokenRequired', {
    'WWW-Authenticate': 'Bearer realm="local-stytch admin API"',
  });
}

/** timingSafeEqual requires equal lengths, and all digests have the same. */
function matches(text: string, expected: Buffer): boolean {
  return timingSafeEqual(digest(text), expected);
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

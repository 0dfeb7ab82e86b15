import { isIP } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Request } from 'express';
import { z } from 'zod';
import { HttpError } from './errors';

/** Origins (RFC 6454 §6.2), separated by commas, such as `https://console.example`. */
export function origins() {
  return z
    .string()
    .transform((value) => value.split(',').map((origin) => origin.trim()))
    .refine((list) => list.every(isOrigin), {
      error: 'must be origins, such as https://console.example, separated by commas',
    });
}

function isOrigin(value: string): boolean {
  return /^https?:/.test(value) && URL.canParse(value) && new URL(value).origin === value;
}

/** What `Sec-Fetch-Site` says of a request that no page of another origin made (W3C Fetch Metadata §2.5). */
const ownSites: ReadonlySet<string> = new Set(['same-origin', 'none']);

/**
 * The refusal of what a page of another origin sends through a browser: the user of that browser may reach this
 * server where the page's author does not. Services and command lines send neither `Origin` nor `Sec-Fetch-Site`.
 *
 * - `Origin` has to be of `allowed`, or the origin of this server. `null` (a sandboxed frame, a file) is neither.
 * - Without `Origin` (a link, an image, a form with GET) `Sec-Fetch-Site` decides. `same-site` is refused too: on
 *   a developer's machine every port of localhost is the same site, in production every subdomain.
 *
 * A request without `Host` is refused as well (RFC 9112 §3.2).
 */
export function originGuard(allowed: readonly string[] = []) {
  const allowedOrigins = new Set(allowed);
  return (request: Request): HttpError | undefined => {
    const { host, origin, 'sec-fetch-site': site } = request.headers;
    if (host === undefined && request.httpVersion === '1.1') {
      return new HttpError(400, 'bad_request', 'The Host header is missing');
    }
    const admitted =
      origin === undefined
        ? site === undefined || ownSites.has(site)
        : allowedOrigins.has(origin) || isOwn(origin, request);
    if (admitted) return undefined;
    return new HttpError(403, 'origin_not_allowed', 'Pages of other origins may not call here');
  };
}

/**
 * Whether the origin is this server's own, by the `Host` that the caller named.
 *
 * With DNS rebinding `Host` is a name of the attacker, which leads to this server: then origin and `Host` agree as
 * well. So the name has to be one that no attacker can have. Over TLS it is, for the browser has checked the
 * certificate against it; over plain HTTP it is `localhost` or an IP address, for which no DNS is asked.
 */
function isOwn(origin: string, { headers: { host = '' }, socket }: Request): boolean {
  const secure = socket instanceof TLSSocket;
  const own = `${secure ? 'https' : 'http'}://${host}`;
  if (!URL.canParse(own)) return false;
  const { hostname, origin: ownOrigin } = new URL(own);
  if (origin !== ownOrigin) return false;
  return secure || hostname === 'localhost' || isIP(hostname.replace(/^\[|\]$/g, '')) !== 0;
}

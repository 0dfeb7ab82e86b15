import { isIP } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Request } from 'express';
import { z } from 'zod';
import { HttpError } from './errors';

/** A setting: origins (RFC 6454 §6.2) such as `https://console.example`, separated by commas. */
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

/** The values of `Sec-Fetch-Site` for a request that no page of another origin made (W3C Fetch Metadata §2.5). */
const ownSites: ReadonlySet<string> = new Set(['same-origin', 'none']);

/**
 * Refuses requests from a browser's pages of other origins: the browser may reach this server where the page's author
 * cannot. Services and command lines send neither `Origin` nor `Sec-Fetch-Site`.
 *
 * - `Origin` must be in `allowed`, or be this server's own. `null` (a sandboxed frame, a file) is refused.
 * - Without `Origin` (a link, an image, a GET form) `Sec-Fetch-Site` decides. `same-site` is refused: every port of
 *   localhost, and every subdomain, is the same site.
 * - An HTTP/1.1 request without `Host` is refused (RFC 9112 §3.2).
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
 * Whether the origin is this server's own, by the `Host` header.
 *
 * With DNS rebinding, `Host` and origin are both a name of the attacker's that resolves to this server. So the name
 * must be one that the attacker cannot have. Over TLS the browser has verified the name in the certificate. Over plain
 * HTTP only `localhost` and IP addresses are accepted, because they need no DNS.
 */
function isOwn(origin: string, { headers: { host = '' }, socket }: Request): boolean {
  const secure = socket instanceof TLSSocket;
  const own = `${secure ? 'https' : 'http'}://${host}`;
  if (!URL.canParse(own)) return false;
  const { hostname, origin: ownOrigin } = new URL(own);
  if (origin !== ownOrigin) return false;
  return secure || hostname === 'localhost' || isIP(hostname.replace(/^\[|\]$/g, '')) !== 0;
}

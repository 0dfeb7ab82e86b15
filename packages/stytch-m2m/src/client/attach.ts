import type { AccessTokenProvider } from './accessTokenProvider';
import { isInvalidTokenChallenge } from './challenges';

export interface AttachOptions {
  /** The scopes of the token: one, several separated by spaces, or a list. */
  scopes: string | readonly string[];
  /** The origins that get the token (RFC 6454), such as `https://wallet.example.com`: one or a list. */
  origin: string | readonly string[];
}

/** The part of `AccessTokenProvider` that is needed to attach tokens. */
export type TokenSource = Pick<AccessTokenProvider, 'getAccessToken' | 'invalidate'>;

/** The origins that get a token. */
export class Origins {
  readonly #origins: ReadonlySet<string>;

  /** @throws TypeError when one of them is not an origin of http or https. */
  constructor(origin: string | readonly string[]) {
    const origins = [origin].flat();
    if (origins.length === 0) throw new TypeError('origin must not be empty');
    this.#origins = new Set(origins.map(parseOrigin));
  }

  has(url: string | URL): boolean {
    return URL.canParse(String(url)) && this.#origins.has(new URL(url).origin);
  }
}

function parseOrigin(origin: string): string {
  const url = URL.canParse(origin) ? new URL(origin) : undefined;
  if (url && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`) return url.origin;
  throw new TypeError('origin must be of http or https, without a path: https://wallet.example.com');
}

/** Whether a resource server rejected the access token, so that a new one may work (RFC 6750 §3.1). */
export function rejectsToken(status: number, challenge: unknown): boolean {
  return status === 401 && typeof challenge === 'string' && isInvalidTokenChallenge(challenge);
}

/** Whether a body can be read only once. */
export function isStream(body: unknown): boolean {
  return typeof body === 'object' && body !== null && (Symbol.asyncIterator in body || 'pipe' in body);
}

/**
 * Access tokens for `fetch`.
 *
 * @module stytch-m2m/fetch
 */

import { type AttachOptions, isStream, Origins, rejectsToken, type TokenSource } from './attach';

export type { AttachOptions, TokenSource } from './attach';

/** A function with the signature of `fetch`. */
export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/**
 * Creates a `fetch` that sends an access token (RFC 6750 §2.1).
 *
 * - Only the given origins get the token. Requests to other origins are sent without it. `fetch` itself removes it when
 *   a redirect leads to another origin.
 * - After a 401 `invalid_token` the token is invalidated and the request is sent once more with a new one, unless its
 *   body is a stream.
 * - `signal` also ends the wait for the token.
 *
 * @param options `fetch` is used instead of the global one. It has to follow the Fetch standard.
 * @returns a `fetch` that also throws `AccessTokenUnavailableError`.
 * @throws TypeError when `origin` is not an origin.
 *
 * @example
 * import { Client } from 'stytch';
 * import { AccessTokenProvider, ClientCredentials, stytchConfig } from 'stytch-m2m';
 * import { fetchWithToken } from 'stytch-m2m/fetch';
 *
 * const { STYTCH_PROJECT_ID = '', STYTCH_SECRET = '', STYTCH_BASE_URL } = process.env;
 * const { CLIENT_ID = '', CLIENT_SECRET = '', WALLET_SERVER_URL = 'http://localhost:4000' } = process.env;
 * const provider = new AccessTokenProvider({
 *   client: new Client(
 *     stytchConfig({ projectId: STYTCH_PROJECT_ID, secret: STYTCH_SECRET, baseUrl: STYTCH_BASE_URL }),
 *   ),
 *   credentials: new ClientCredentials(CLIENT_ID, CLIENT_SECRET),
 * });
 * const walletFetch = fetchWithToken(provider, { scopes: 'read:users', origin: WALLET_SERVER_URL });
 *
 * walletFetch(`${WALLET_SERVER_URL}/api/check-balance`, { method: 'POST' }).then(({ status }) => console.log(status));
 */
export function fetchWithToken(
  provider: TokenSource,
  options: AttachOptions & { fetch?: Fetch | undefined },
): Fetch {
  const origins = new Origins(options.origin);
  return async (input, init) => {
    const send = options.fetch ?? globalThis.fetch;
    const request = typeof input === 'object' && 'url' in input ? input : undefined;
    if (!origins.has(request?.url ?? (input as string | URL))) return send(input, init);
    const signal = init?.signal ?? request?.signal;
    const sendWithToken = async (what: typeof input) => {
      const accessToken = await getToken(provider, options.scopes, signal);
      const headers = new Headers(init?.headers ?? request?.headers);
      headers.set('Authorization', `Bearer ${accessToken}`);
      return { accessToken, response: await send(what, { ...init, headers }) };
    };
    const spare = request?.clone();
    const { accessToken, response } = await sendWithToken(input);
    const { status, headers, redirected, url } = response;
    const mayRetry =
      rejectsToken(status, headers.get('www-authenticate')) &&
      (!redirected || origins.has(url)) &&
      provider.invalidate(accessToken) &&
      !isStream(init?.body);
    if (!mayRetry) {
      void spare?.body?.cancel();
      return response;
    }
    await response.body?.cancel();
    return (await sendWithToken(spare ?? input)).response;
  };
}

async function getToken(
  provider: TokenSource,
  scopes: AttachOptions['scopes'],
  signal: AbortSignal | undefined | null,
): Promise<string> {
  try {
    return (await provider.getAccessToken(scopes, signal ? { signal } : {})).accessToken;
  } catch (error) {
    signal?.throwIfAborted(); // As fetch does.
    throw error;
  }
}

/**
 * Access tokens for axios.
 *
 * @module stytch-m2m/axios
 */

import type { AxiosInstance, AxiosRequestConfig, AxiosResponse, InternalAxiosRequestConfig } from 'axios';
import { type AttachOptions, isStream, Origins, rejectsToken, type TokenSource } from './attach';

export type { AttachOptions, TokenSource } from './attach';

/** The part of an axios instance that is used. It fits the types of axios for CommonJS and for ES modules. */
export interface AxiosLike {
  getUri(config: object): string;
  request(config: object): Promise<unknown>;
  readonly interceptors: { readonly request: AxiosInterceptors; readonly response: AxiosInterceptors };
}

export interface AxiosInterceptors {
  use: (onFulfilled: never, onRejected?: never) => number;
  eject: (id: number) => void;
}

/** Marks the second try of a request. axios copies unknown keys of a configuration that are strings. */
const retryKey = 'stytchM2mRetry';

/**
 * Makes an axios instance send an access token (RFC 6750 §2.1), by two interceptors.
 *
 * - Only the given origins get the token, also after a redirect. Requests to other origins are sent without it.
 * - After a 401 `invalid_token` the token is invalidated and the request is sent once more with a new one, whatever
 *   `validateStatus` says, unless its body is a stream.
 * - `signal` also ends the wait for the token.
 *
 * A request also rejects with `AccessTokenUnavailableError`.
 *
 * @returns a function that removes the interceptors.
 * @throws TypeError when `origin` is not an origin.
 *
 * @example
 * import axios from 'axios';
 * import { Client } from 'stytch';
 * import { AccessTokenProvider, ClientCredentials, stytchConfig } from 'stytch-m2m';
 * import { attachTokens } from 'stytch-m2m/axios';
 *
 * const { STYTCH_PROJECT_ID = '', STYTCH_SECRET = '', STYTCH_BASE_URL } = process.env;
 * const { CLIENT_ID = '', CLIENT_SECRET = '', WALLET_SERVER_URL = 'http://localhost:4000' } = process.env;
 * const provider = new AccessTokenProvider({
 *   client: new Client(
 *     stytchConfig({ projectId: STYTCH_PROJECT_ID, secret: STYTCH_SECRET, baseUrl: STYTCH_BASE_URL }),
 *   ),
 *   credentials: new ClientCredentials(CLIENT_ID, CLIENT_SECRET),
 * });
 * const wallet = axios.create({ baseURL: WALLET_SERVER_URL, validateStatus: () => true });
 * attachTokens(wallet, provider, { scopes: 'read:users', origin: WALLET_SERVER_URL });
 *
 * wallet.post('/api/check-balance').then(({ status }) => console.log(status));
 */
export function attachTokens(
  axios: AxiosLike,
  provider: TokenSource,
  { scopes, origin }: AttachOptions,
): () => void {
  const instance = axios as unknown as AxiosInstance;
  const origins = new Origins(origin);
  /** The token and the unchanged body of each request in flight, for a second try. */
  const sent = new WeakMap<object, { accessToken: string; data: unknown }>();

  const attach = async (config: InternalAxiosRequestConfig) => {
    if (!origins.has(instance.getUri(config))) return config;
    const signal = config.signal as AbortSignal | undefined;
    try {
      const { accessToken } = await provider.getAccessToken(scopes, signal ? { signal } : {});
      config.headers.set('Authorization', `Bearer ${accessToken}`);
      sent.set(config, { accessToken, data: config.data as unknown });
      config.beforeRedirect = withoutToken(origins, config.beforeRedirect);
    } catch (error) {
      if (signal?.aborted !== true) throw error;
      // axios itself rejects a request whose signal is aborted, with a CanceledError.
    }
    return config;
  };

  /** The answer to a second try, or undefined when there is none. */
  const retry = (response: AxiosResponse | undefined): Promise<AxiosResponse> | undefined => {
    const config = response?.config;
    const first = config && sent.get(config);
    if (!first || Object.hasOwn(config, retryKey)) return undefined;
    if (!rejectsToken(response.status, response.headers['www-authenticate'])) return undefined;
    if (!origins.has(finalUrl(response) ?? instance.getUri(config))) return undefined;
    if (!provider.invalidate(first.accessToken) || isStream(first.data)) return undefined;
    (response.data as { destroy?: () => void } | null)?.destroy?.(); // With `responseType: 'stream'`.
    const again: AxiosRequestConfig & { [retryKey]: true } = {
      ...config,
      data: first.data,
      [retryKey]: true,
    };
    return instance.request(again);
  };

  const request = instance.interceptors.request.use(attach);
  const response = instance.interceptors.response.use(
    (answer) => retry(answer) ?? answer,
    async (error: { response?: AxiosResponse } | undefined) => {
      const second = retry(error?.response);
      if (second) return second;
      throw error as Error;
    },
  );
  return () => {
    instance.interceptors.request.eject(request);
    instance.interceptors.response.eject(response);
  };
}

/** Removes the token when a redirect leads to another origin: axios keeps it for subdomains and from http to https. */
function withoutToken(
  origins: Origins,
  then: AxiosRequestConfig['beforeRedirect'],
): NonNullable<AxiosRequestConfig['beforeRedirect']> {
  return (options, ...rest) => {
    const { href = '', headers = {} } = options as { href?: string; headers?: Record<string, unknown> };
    if (!origins.has(href)) {
      for (const name of Object.keys(headers)) {
        if (name.toLowerCase() === 'authorization') Reflect.deleteProperty(headers, name);
      }
    }
    then?.(options, ...rest);
  };
}

/** The URL after all redirects. */
function finalUrl({ request }: AxiosResponse): string | undefined {
  return (request as { res?: { responseUrl?: string } } | undefined)?.res?.responseUrl;
}

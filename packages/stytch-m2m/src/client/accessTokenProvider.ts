import NodeCache from 'node-cache';
import { type CacheEntry, type FailurePolicy, type Fetched, RefreshingCache } from '../refreshingCache';
import { backOff, untilAborted, wait } from '../stytch/backOff';
import { callStytch, isRefusal } from '../stytch/callStytch';
import type { AccessToken, AccessTokenEvent } from './accessToken';
import {
  AccessTokenUnavailableError,
  pauseBeforeRetry,
  defaultRefusalMilliseconds,
  retryAfterOf,
  toFailure,
} from './accessTokenUnavailableError';
import type { ClientCredentials } from './clientCredentials';
import { scopeList } from '../stytch/scopeList';
import type { TokenClient } from '../stytch/stytchClient';
import { channels, traced } from '../tracing';
import { readTokenAnswer, timesOf } from './tokenAnswer';

export interface AccessTokenProviderOptions {
  /** A `Client` or `B2BClient` of the Stytch SDK. */
  client: TokenClient;
  credentials: ClientCredentials;
  /** How long one caller waits for a token, including retries. Milliseconds, default 5,000. */
  timeoutMilliseconds?: number;
  /** How long a refusal of the credentials or scopes is cached. Milliseconds, default 5,000. */
  refusalMilliseconds?: number;
  onEvent?: (event: AccessTokenEvent) => void;
}

/** The token for one set of scopes. */
interface ScopedToken {
  readonly scopes: readonly string[];
  readonly cache: RefreshingCache<AccessToken, AccessTokenUnavailableError>;
  hadToken: boolean;
  /** The generation of the credentials that the last token request used. */
  generation: number;
  /** The token is not invalidated again before this time. Milliseconds of `performance.now()`. */
  nextInvalidationAt: number;
}

// Milliseconds.
const minBetweenInvalidations = 1_000;
/** A bound on memory: a program uses a few sets of scopes. */
const maxScopeSets = 1_000;

/**
 * Provides the access tokens of one M2M client (RFC 6749 §4.4): one for each set of scopes, cached in node-cache.
 *
 * Concurrent callers share one token request. Shortly before a token expires, a caller still gets it, and starts a refresh
 * in the background. After a failed refresh later callers start another, with a growing back-off.
 *
 * @example
 * import { Client } from 'stytch';
 * import { AccessTokenProvider, ClientCredentials, stytchConfig } from 'stytch-m2m';
 *
 * const { STYTCH_PROJECT_ID = '', STYTCH_SECRET = '', STYTCH_BASE_URL } = process.env;
 * const { CLIENT_ID = '', CLIENT_SECRET = '' } = process.env;
 * const client = new Client(
 *   stytchConfig({ projectId: STYTCH_PROJECT_ID, secret: STYTCH_SECRET, baseUrl: STYTCH_BASE_URL }),
 * );
 * const tokens = new AccessTokenProvider({
 *   client,
 *   credentials: new ClientCredentials(CLIENT_ID, CLIENT_SECRET),
 * });
 *
 * tokens.getAccessToken('read:users').then(({ source }) => console.log(source)); // issued
 */
export class AccessTokenProvider {
  readonly #options: AccessTokenProviderOptions;
  /** The cached tokens. node-cache stores them. `RefreshingCache` does the expiry, because node-cache uses the wall clock. */
  readonly #storage = new NodeCache({ useClones: false, checkperiod: 0 });
  readonly #tokens = new Map<string, ScopedToken>();

  constructor(options: AccessTokenProviderOptions) {
    this.#options = options;
    options.credentials.onChange(() => {
      for (const { cache } of this.#tokens.values()) cache.forgetFailure();
    });
  }

  /**
   * Gets an access token with these scopes: the cached one, or a new one.
   *
   * @param scopes one scope, several separated by spaces (RFC 6749 §3.3), or a list.
   * @param options `signal` ends the wait of this caller. Other callers still wait for the same token. `context` is any
   *   value: subscribers of the tracing channels get it.
   * @throws AccessTokenUnavailableError when there is no token within the timeout, or before the signal aborts.
   */
  async getAccessToken(
    scopes: string | readonly string[],
    { signal, context }: { signal?: AbortSignal; context?: unknown } = {},
  ): Promise<AccessToken> {
    const token = this.#tokenFor(scopeList(scopes));
    if (!channels.getAccessToken.hasSubscribers) return this.#get(token, signal, context);
    return traced(channels.getAccessToken, { scopes: token.scopes, context }, async (message) => {
      const accessToken = await this.#get(token, signal, message.context);
      message.source = accessToken.source;
      return accessToken;
    });
  }

  #get({ cache, scopes }: ScopedToken, signal: AbortSignal | undefined, context: unknown) {
    const cached = cache.peek();
    if (!cached) return untilAborted(cache.refresh(0, context), signal, callerLeft);
    this.#emit({ type: 'cache_hit', scopes });
    return { accessToken: cached.accessToken, source: 'cache' as const };
  }

  /**
   * Removes a token from the cache after a resource server has rejected it. Does nothing if the cache has another token
   * by now. At most one token a second is removed for each set of scopes, so that a resource server that rejects every token does not cause a
   * token request for each call.
   *
   * @returns whether the next caller gets another token.
   */
  invalidate(accessToken: string): boolean {
    const token = [...this.#tokens.values()].find(({ cache }) => cache.last?.accessToken === accessToken);
    if (!token) return true;
    const now = performance.now();
    if (now < token.nextInvalidationAt) return false;
    token.nextInvalidationAt = now + minBetweenInvalidations;
    token.cache.invalidate();
    this.#emit({ type: 'invalidated', scopes: token.scopes });
    return true;
  }

  #tokenFor(given: readonly string[]): ScopedToken {
    const scopes = [...new Set(given)].sort();
    const key = scopes.join(' ');
    let token = this.#tokens.get(key);
    if (!token) {
      this.#makeRoom();
      token = this.#createToken(key, scopes);
      this.#tokens.set(key, token);
    }
    return token;
  }

  #makeRoom(): void {
    const [oldest] = this.#tokens.entries();
    if (!oldest || this.#tokens.size < maxScopeSets) return;
    this.#tokens.delete(oldest[0]);
    oldest[1].cache.invalidate();
  }

  #createToken(key: string, scopes: readonly string[]): ScopedToken {
    const { timeoutMilliseconds = 5_000 } = this.#options;
    const cache = new RefreshingCache<AccessToken, AccessTokenUnavailableError>({
      timeoutMilliseconds,
      fetch: (deadline, context) => this.#requestWithRetries(token, deadline, context),
      onFailure: (error, failures) => this.#onFailure(token, error, failures),
      cachedError: (error, left) => error.withRetryAfter(seconds(left)),
      storage: {
        get: () => this.#storage.get<CacheEntry<AccessToken>>(key),
        set: (entry) => void this.#storage.set(key, entry),
        delete: () => void this.#storage.del(key),
      },
    });
    const token: ScopedToken = {
      scopes,
      cache,
      hadToken: false,
      generation: 0,
      nextInvalidationAt: -Infinity,
    };
    return token;
  }

  async #requestWithRetries(token: ScopedToken, deadline: number, context: unknown) {
    const { credentials } = this.#options;
    const isInTime = () => performance.now() < deadline;
    let reconsidered = false;
    for (let tries = 1; ; tries += 1) {
      const { secret, generation } = credentials;
      token.generation = generation;
      try {
        return await traced(channels.tokenRequest, { scopes: token.scopes, context }, async (message) => {
          const fetched = await this.#request(token, deadline - performance.now(), message.context);
          message.source = fetched.value.source as 'issued' | 'refreshed';
          return fetched;
        });
      } catch (error) {
        // The secret was replaced meanwhile: the failure says nothing about the new one.
        if (generation !== credentials.generation && isInTime()) continue;
        // The store may have a newer secret, or the other secret of a rotation may work.
        if (!reconsidered && isRefusal(error, 'invalid_client')) {
          reconsidered = true;
          if ((await credentials.reconsider(secret)) && isInTime()) continue;
        }
        const failure = toFailure(error, tries, this.#options.refusalMilliseconds);
        const pause = pauseBeforeRetry(failure, tries);
        if (failure.reason === 'refused' || performance.now() + pause >= deadline) throw failure;
        await wait(pause);
      }
    }
  }

  /** One token request (RFC 6749 §4.4.2). */
  async #request(token: ScopedToken, timeout: number, context: unknown): Promise<Fetched<AccessToken>> {
    const { client, credentials } = this.#options;
    const { scopes, generation } = token;
    const startedAt = performance.now();
    const request = {
      client_id: credentials.clientId,
      client_secret: credentials.secret,
      scopes: [...scopes],
    };
    const answer: unknown = await callStytch(() => client.m2m.token(request), timeout, { context });
    const milliseconds = performance.now() - startedAt;
    const { accessToken, expiresInSeconds } = readTokenAnswer(answer);
    const source = token.hadToken ? 'refreshed' : 'issued';
    token.hadToken = true;
    this.#emit({ type: source, scopes, expiresInSeconds, milliseconds });
    // A token that was requested with an old secret works for its callers, and is not cached.
    const cacheable = generation === credentials.generation;
    return { value: { accessToken, source }, cacheable, ...timesOf(expiresInSeconds * 1_000) };
  }

  #onFailure(token: ScopedToken, error: AccessTokenUnavailableError, failures: number): FailurePolicy {
    this.#emit({ type: 'failed', scopes: token.scopes, error });
    const { refusalMilliseconds = defaultRefusalMilliseconds, credentials } = this.#options;
    const refreshPauseMilliseconds = Math.max(backOff(failures, 1_000, 30_000), pauseBeforeRetry(error, 1));
    // The failure of an old secret says nothing about the new one.
    if (token.generation !== credentials.generation)
      return { cacheMilliseconds: 0, refreshPauseMilliseconds };
    if (error.reason === 'refused')
      return { cacheMilliseconds: refusalMilliseconds, refreshPauseMilliseconds };
    const asked = retryAfterOf(error.cause) !== undefined;
    const cacheMilliseconds = asked ? error.retryAfterSeconds * 1_000 : 0;
    return { cacheMilliseconds, wait: true, refreshPauseMilliseconds };
  }

  #emit(event: AccessTokenEvent): void {
    try {
      this.#options.onEvent?.(event);
    } catch {
      // A failing hook must not cost the caller its token.
    }
  }
}

function seconds(milliseconds: number): number {
  return Math.ceil(milliseconds / 1_000);
}

function callerLeft(): Error {
  return new AccessTokenUnavailableError('timeout', 1, new Error('The caller no longer waits'));
}

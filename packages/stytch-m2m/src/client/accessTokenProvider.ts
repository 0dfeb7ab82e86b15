import type { Client } from 'stytch';
import NodeCache from 'node-cache';
import { type CacheEntry, type FailurePolicy, type Fetched, RefreshingCache } from '../refreshingCache';
import { backOff, untilAborted, wait } from '../stytch/backOff';
import { callStytch, isRefusal, StytchApiError, StytchUnavailableError } from '../stytch/callStytch';
import { AccessTokenUnavailableError, pauseBeforeRetry, retryAfterOf } from './accessTokenUnavailableError';
import type { ClientCredentials } from './clientCredentials';
import { readTokenAnswer, timesOf } from './tokenAnswer';

/** What happens to access tokens, for metrics and logs. No event holds a token. */
export type AccessTokenEvent =
  | {
      type: 'issued' | 'refreshed';
      scopes: readonly string[];
      expiresInSeconds: number;
      milliseconds: number;
    }
  | { type: 'cache_hit' | 'invalidated'; scopes: readonly string[] }
  | { type: 'failed'; scopes: readonly string[]; error: AccessTokenUnavailableError };

export interface AccessTokenProviderOptions {
  /** The Stytch SDK's client. */
  client: { m2m: Pick<Client['m2m'], 'token'> };
  credentials: ClientCredentials;
  /** How long one caller waits for a token, retries included. Milliseconds, default 5,000. */
  timeoutMilliseconds?: number;
  /** How long a refusal of the credentials or scopes is cached. Milliseconds, default 5,000. */
  refusalMilliseconds?: number;
  onEvent?: (event: AccessTokenEvent) => void;
}

export interface AccessToken {
  accessToken: string;
  /** `cache`; `issued`: requested now; `refreshed`: requested now, in place of an earlier one. */
  source: 'cache' | 'issued' | 'refreshed';
}

/** The token for one set of scopes. */
interface ScopedToken {
  readonly scopes: readonly string[];
  readonly cache: RefreshingCache<AccessToken, AccessTokenUnavailableError>;
  hadToken: boolean;
  /** That of the credentials with which a token was last requested. */
  generation: number;
  /** Before this its token is not invalidated once more. Milliseconds of `performance.now()`. */
  nextInvalidationAt: number;
}

// Milliseconds.
const minBetweenInvalidations = 1_000;
/** No `Retry-After` shuts a service off for longer. */
const maxRetryAfterSeconds = 300;
/** A program names a few sets of scopes. */
const maxScopeSets = 1_000;

/**
 * Provides the access tokens of one M2M client (RFC 6749 §4.4), one for each set of scopes, cached in node-cache.
 *
 * Any number of callers share one token request. A token is refreshed in the background before it expires, while
 * callers go on with it; a failed refresh is retried, less and less often, until it succeeds.
 */
export class AccessTokenProvider {
  readonly #options: AccessTokenProviderOptions;
  // Without node-cache's own expiry, which goes by the wall clock.
  readonly #storage = new NodeCache({ useClones: false, checkperiod: 0 });
  readonly #tokens = new Map<string, ScopedToken>();

  constructor(options: AccessTokenProviderOptions) {
    this.#options = options;
    options.credentials.onChange(() => {
      for (const { cache } of this.#tokens.values()) cache.forgetFailure();
    });
  }

  /**
   * An access token with these scopes: the cached one, or a new one.
   *
   * @param scopes one, or a list.
   * @param options `signal` ends the wait of this caller; others go on waiting for the same token.
   * @throws AccessTokenUnavailableError when there is none within the timeout, or before the signal aborts.
   */
  async getAccessToken(
    scopes: string | readonly string[],
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<AccessToken> {
    const token = this.#tokenFor([scopes].flat());
    const cached = token.cache.peek();
    if (!cached) return untilAborted(token.cache.refresh(), signal, callerLeft);
    this.#emit({ type: 'cache_hit', scopes: token.scopes });
    return { accessToken: cached.accessToken, source: 'cache' };
  }

  /**
   * Forgets a token that a resource server did not accept, if it is still the cached one: of many callers that were
   * refused at once only the first has an effect. A resource server that accepts none would otherwise have Stytch
   * issue one for each call: in one second only one is forgotten.
   *
   * @returns whether the next caller gets another one.
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
      fetch: (deadline) => this.#requestWithRetries(token, deadline),
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

  async #requestWithRetries(token: ScopedToken, deadline: number): Promise<Fetched<AccessToken>> {
    const { credentials } = this.#options;
    const isInTime = () => performance.now() < deadline;
    let reconsidered = false;
    for (let tries = 1; ; tries += 1) {
      const { secret, generation } = credentials;
      token.generation = generation;
      try {
        return await this.#request(token, deadline - performance.now());
      } catch (error) {
        // Refused for a secret that has been replaced meanwhile: that says nothing about the new one.
        if (generation !== credentials.generation && isInTime()) continue;
        // There may be a better secret, in the store or beside this one.
        if (!reconsidered && isRefusal(error, 'invalid_client')) {
          reconsidered = true;
          if ((await credentials.reconsider(secret)) && isInTime()) continue;
        }
        const failure = this.#toFailure(error, tries);
        const pause = pauseBeforeRetry(failure, tries);
        if (failure.reason === 'refused' || performance.now() + pause >= deadline) throw failure;
        await wait(pause);
      }
    }
  }

  /** One token request (RFC 6749 §4.4.2). */
  async #request(token: ScopedToken, timeout: number): Promise<Fetched<AccessToken>> {
    const { client, credentials } = this.#options;
    const { scopes, generation } = token;
    const startedAt = performance.now();
    const request = {
      client_id: credentials.clientId,
      client_secret: credentials.secret,
      scopes: [...scopes],
    };
    const answer: unknown = await callStytch(() => client.m2m.token(request), timeout);
    const milliseconds = performance.now() - startedAt;
    const { accessToken, expiresInSeconds } = readTokenAnswer(answer);
    const source = token.hadToken ? 'refreshed' : 'issued';
    token.hadToken = true;
    this.#emit({ type: source, scopes, expiresInSeconds, milliseconds });
    // One that was requested with an old secret is good for those who wait for it, and not cached.
    const cacheable = generation === credentials.generation;
    return { value: { accessToken, source }, cacheable, ...timesOf(expiresInSeconds * 1_000) };
  }

  #toFailure(error: unknown, tries: number): AccessTokenUnavailableError {
    if (error instanceof StytchApiError && !error.transient) {
      const { refusalMilliseconds = 5_000 } = this.#options;
      return new AccessTokenUnavailableError('refused', seconds(refusalMilliseconds), error);
    }
    const retryAfter = retryAfterOf(error);
    if (retryAfter !== undefined) {
      return new AccessTokenUnavailableError(
        'unavailable',
        Math.min(retryAfter, maxRetryAfterSeconds),
        error,
      );
    }
    const timedOut = error instanceof StytchUnavailableError && error.timedOut;
    return new AccessTokenUnavailableError(timedOut ? 'timeout' : 'unavailable', tries, error);
  }

  #onFailure(token: ScopedToken, error: AccessTokenUnavailableError, failures: number): FailurePolicy {
    this.#emit({ type: 'failed', scopes: token.scopes, error });
    const { refusalMilliseconds = 5_000, credentials } = this.#options;
    const refreshPauseMilliseconds = Math.max(backOff(failures, 1_000, 30_000), pauseBeforeRetry(error, 1));
    // What was refused for an old secret says nothing about the new one.
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
      // A hook that fails is no reason to go without a token.
    }
  }
}

function seconds(milliseconds: number): number {
  return Math.ceil(milliseconds / 1_000);
}

function callerLeft(): Error {
  return new AccessTokenUnavailableError('timeout', 1, new Error('The caller no longer waits'));
}

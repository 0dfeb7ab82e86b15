import { backOff, wait } from './stytch/backOff';

/** The result of a fetch. Its times count from the start of the fetch. */
export interface Fetched<Value> {
  value: Value;
  /** How long it may be used, in milliseconds. */
  lifetimeMilliseconds: number;
  /** When a refresh starts in the background, in milliseconds. */
  refreshAfterMilliseconds: number;
  /** False: only the callers that wait for this fetch get the value. Default true. */
  cacheable?: boolean;
}

/** What to do after a failed fetch. */
export interface FailurePolicy {
  /** How long every caller gets this failure, without a new fetch. Milliseconds. */
  cacheMilliseconds: number;
  /**
   * Whether a caller waits until the cached failure expires, and then fetches again. It does not wait for more than half of
   * its timeout. Default false.
   */
  wait?: boolean;
  /** How long to wait before the next refresh ahead. Milliseconds. */
  refreshPauseMilliseconds: number;
}

/** A cached value. Times are of the monotonic clock, in milliseconds of `performance.now()`. */
export interface CacheEntry<Value> {
  value: Value;
  expiresAt: number;
  refreshAt: number;
}

export interface RefreshingCacheOptions<Value, Failure> {
  /**
   * Fetches a value. It throws a `Failure` and nothing else.
   *
   * @param deadline the time by which it must end, in milliseconds of `performance.now()`.
   * @param context the tracing context of the caller that causes the fetch, if there is one.
   */
  fetch: (deadline: number, context: unknown) => Promise<Fetched<Value>>;
  /** The timeout of one fetch, including any wait before it. Milliseconds. */
  timeoutMilliseconds: number;
  /** @param failures the number of failed fetches since the last success, including this one. */
  onFailure: (error: Failure, failures: number) => FailurePolicy;
  /** Makes the error that a caller gets for a cached failure. Default: the same error. */
  cachedError?: (error: Failure, leftMilliseconds: number) => Failure;
  /** Where the value is stored. Default: in this object. */
  storage?: CacheStorage<Value>;
}

export interface CacheStorage<Value> {
  get(): CacheEntry<Value> | undefined;
  set(entry: CacheEntry<Value>): void;
  delete(): void;
}

/**
 * Caches one value that is fetched from elsewhere and expires.
 *
 * Concurrent callers share one fetch. A value is refreshed before it expires, while callers still use it. A failure
 * is cached with a back-off. An expired value stays available as `last`, for callers that prefer it to an error.
 */
export class RefreshingCache<Value, Failure extends Error = Error> {
  readonly #options: RefreshingCacheOptions<Value, Failure>;
  readonly #storage: CacheStorage<Value>;
  #pending: Promise<Value> | undefined;
  #failure: { error: Failure; until: number; wait: boolean } | undefined;
  #failures = 0;
  #fetchStartedAt = -Infinity;
  #nextRefreshAt = -Infinity;

  constructor(options: RefreshingCacheOptions<Value, Failure>) {
    this.#options = options;
    this.#storage = options.storage ?? memoryStorage();
  }

  /** The last value, expired or not. */
  get last(): Value | undefined {
    return this.#storage.get()?.value;
  }

  /** When the last value expires or expired. Milliseconds of `performance.now()`. */
  get expiresAt(): number {
    return this.#storage.get()?.expiresAt ?? -Infinity;
  }

  /** Whether the last fetch failed. */
  get failing(): boolean {
    return this.#failures > 0;
  }

  /** How long the cached failure lasts. Milliseconds. */
  get failureLeftMilliseconds(): number {
    return Math.max(0, (this.#failure?.until ?? 0) - performance.now());
  }

  /** The cached value, unless it has expired. Starts a refresh ahead when it is time. */
  peek(): Value | undefined {
    const entry = this.#storage.get();
    if (!entry || performance.now() >= entry.expiresAt) return undefined;
    this.#refreshAhead(entry);
    return entry.value;
  }

  /**
   * The cached value, or a new one.
   *
   * @throws what `fetch` throws.
   */
  async get(context?: unknown): Promise<Value> {
    return this.peek() ?? this.refresh(0, context);
  }

  /**
   * Fetches a new value. Concurrent callers share one fetch. While a failure is cached, it is thrown without a fetch.
   *
   * @param cooldownMilliseconds if the last fetch started less than this long ago, its result is returned instead.
   * @param context the tracing context of the caller. Undefined in the background.
   * @throws what `fetch` throws.
   */
  refresh(cooldownMilliseconds = 0, context?: unknown): Promise<Value> {
    if (this.#pending) return this.#pending;
    const now = performance.now();
    const entry = this.#storage.get();
    const cooling = entry && now - this.#fetchStartedAt < cooldownMilliseconds;
    if (cooling && !this.#failure) return Promise.resolve(entry.value);
    let pause = 0;
    if (this.#failure && (cooling || now < this.#failure.until)) {
      const { error, until, wait: mayWait } = this.#failure;
      const { cachedError, timeoutMilliseconds } = this.#options;
      pause = until - now + backOff(1, 200, 200);
      if (!mayWait || until - now > timeoutMilliseconds / 2) {
        return Promise.reject(cachedError ? cachedError(error, until - now) : error);
      }
    }
    const pending = this.#fetch(
      pause,
      now + this.#options.timeoutMilliseconds,
      () => pending === this.#pending,
      context,
    );
    this.#pending = pending;
    return pending;
  }

  /** Deletes the value. The result of a fetch in flight is not cached. */
  invalidate(): void {
    this.#storage.delete();
    this.#pending = undefined;
  }

  /** Deletes the cached failure: the next caller starts a fetch. */
  forgetFailure(): void {
    this.#failure = undefined;
  }

  #refreshAhead(entry: CacheEntry<Value>): void {
    const now = performance.now();
    if (this.#pending || now < entry.refreshAt || now < this.#nextRefreshAt) return;
    this.refresh().catch(() => undefined); // Callers still have a valid value.
  }

  async #fetch(pause: number, deadline: number, isCurrent: () => boolean, context: unknown): Promise<Value> {
    if (pause > 0) await wait(pause);
    const startedAt = performance.now();
    this.#fetchStartedAt = startedAt;
    try {
      const fetched = await this.#options.fetch(deadline, context);
      if (isCurrent()) this.#succeed(fetched, startedAt);
      return fetched.value;
    } catch (error) {
      if (isCurrent()) this.#fail(error as Failure);
      throw error;
    } finally {
      if (isCurrent()) this.#pending = undefined;
    }
  }

  #succeed(fetched: Fetched<Value>, startedAt: number): void {
    const { value, lifetimeMilliseconds, refreshAfterMilliseconds, cacheable = true } = fetched;
    if (!cacheable) return;
    this.#failures = 0;
    this.#failure = undefined;
    this.#nextRefreshAt = -Infinity;
    const expiresAt = startedAt + lifetimeMilliseconds;
    this.#storage.set({ value, expiresAt, refreshAt: startedAt + refreshAfterMilliseconds });
  }

  #fail(error: Failure): void {
    this.#failures += 1;
    const {
      cacheMilliseconds,
      refreshPauseMilliseconds,
      wait: mayWait = false,
    } = this.#options.onFailure(error, this.#failures);
    const now = performance.now();
    this.#failure = { error, until: now + cacheMilliseconds, wait: mayWait };
    this.#nextRefreshAt = now + refreshPauseMilliseconds;
  }
}

function memoryStorage<Value>(): CacheStorage<Value> {
  let stored: CacheEntry<Value> | undefined;
  return {
    get: () => stored,
    set: (entry) => {
      stored = entry;
    },
    delete: () => {
      stored = undefined;
    },
  };
}

import { importJWK, type JWK, type KeyLike } from 'jose';
import type { Client } from 'stytch';
import { type Fetched, RefreshingCache } from '../refreshingCache';
import { backOff } from '../stytch/backOff';
import { callStytch } from '../stytch/callStytch';

/** The project's JWKS is unavailable, so that no token can be verified: not the caller's fault. */
export class JwksUnavailableError extends Error {
  override readonly name = 'JwksUnavailableError';

  constructor(
    readonly retryAfterSeconds: number,
    cause: unknown,
  ) {
    super(`The JWKS is unavailable: ${(cause as Error).message}`, { cause });
  }
}

export interface JwksCacheOptions {
  /** The Stytch SDK's client. */
  client: { sessions: Pick<Client['sessions'], 'getJWKS'> };
  projectId: string;
  /** How long one fetch of the JWKS may take. Milliseconds, default 3,000. */
  timeoutMilliseconds?: number;
  /** The least time between a fetch and the next that an unknown key id causes. Milliseconds, default 5,000. */
  cooldownMilliseconds?: number;
  /** How long fetched keys are used. Milliseconds, default 300,000; from half of it on they are refreshed ahead. */
  maxAgeMilliseconds?: number;
}

type Keys = ReadonlyMap<string, KeyLike>;

const maxBackOffMilliseconds = 5_000;

/**
 * The public keys that sign a project's tokens (its JWKS), fetched through the SDK and cached.
 *
 * The SDK's own key set waits 30 s before it asks for a key that it does not know, and during an outage it fetches
 * for each request; this one asks after 5 s at most, and never twice at a time.
 */
export class JwksCache {
  readonly #cache: RefreshingCache<Keys>;
  readonly #cooldownMilliseconds: number;
  #prefetching = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: JwksCacheOptions) {
    const { timeoutMilliseconds = 3_000, cooldownMilliseconds = 5_000 } = options;
    this.#cooldownMilliseconds = cooldownMilliseconds;
    this.#cache = new RefreshingCache<Keys>({
      timeoutMilliseconds,
      fetch: () => fetchJwks(options, timeoutMilliseconds),
      onFailure: (_error, failures) => {
        const pause = backOff(failures, 1_000, maxBackOffMilliseconds);
        return { cacheMilliseconds: pause, refreshPauseMilliseconds: pause };
      },
    });
  }

  /** Whether the keys have been fetched at least once. */
  get available(): boolean {
    return this.#cache.last !== undefined;
  }

  /** When the keys expire. Milliseconds of `performance.now()`. */
  get expiresAt(): number {
    return this.#cache.expiresAt;
  }

  /** Whether the keys have expired, and the last try to refresh them failed. */
  get failing(): boolean {
    return this.#cache.failing && performance.now() >= this.#cache.expiresAt;
  }

  /** Whether the last JWKS has a key with this id. */
  has(keyId: string): boolean {
    return this.#cache.last?.has(keyId) === true;
  }

  /** Refreshes the keys in the background, if it is time for that. */
  refreshAhead(): void {
    this.#cache.peek();
  }

  /** Refreshes the keys in the background, unless a failed try is too recent. */
  refresh(): void {
    this.#cache.refresh().catch(() => undefined); // Whoever needs the keys gets the error then.
  }

  /** Fetches the keys ahead of the first request, again and again until they are there or `stop` is called. */
  start(): void {
    this.#prefetching = true;
    this.#cache.refresh().catch(() => {
      clearTimeout(this.#timer);
      if (!this.#prefetching) return;
      this.#timer = setTimeout(() => {
        this.start();
      }, this.#cache.failureLeftMilliseconds).unref();
    });
  }

  stop(): void {
    this.#prefetching = false;
    clearTimeout(this.#timer);
  }

  /**
   * The key with this id, or undefined when the project has none.
   *
   * @throws JwksUnavailableError when that is not known.
   */
  async getKey(keyId: string): Promise<KeyLike | undefined> {
    try {
      const keys = await this.#cache.get();
      // New or invented: a fetch tells. One that fails counts against the cooldown as well.
      return keys.get(keyId) ?? (await this.#cache.refresh(this.#cooldownMilliseconds)).get(keyId);
    } catch (error) {
      const left = this.#cache.failureLeftMilliseconds;
      throw new JwksUnavailableError(Math.max(1, Math.ceil(left / 1_000)), error);
    }
  }
}

async function fetchJwks(
  { client, projectId, maxAgeMilliseconds = 300_000 }: JwksCacheOptions,
  timeoutMilliseconds: number,
): Promise<Fetched<Keys>> {
  const answer = await callStytch(
    () => client.sessions.getJWKS({ project_id: projectId }),
    timeoutMilliseconds,
  );
  return {
    value: await importKeys(answer),
    lifetimeMilliseconds: maxAgeMilliseconds,
    refreshAfterMilliseconds: maxAgeMilliseconds / 2,
  };
}

/**
 * The RS256 keys of a JWKS by their ids; keys of other kinds, and malformed ones, are ignored (RFC 7517 §5).
 * A project always has a key: an answer without any is a failure, and says nothing about tokens.
 */
async function importKeys(answer: unknown): Promise<Keys> {
  const { keys } = (answer ?? {}) as { keys?: unknown };
  const imported = new Map<string, KeyLike>();
  for (const key of Array.isArray(keys) ? (keys as (JWK | null)[]) : []) {
    if (key?.kty !== 'RSA' || !key.kid || (key.use ?? 'sig') !== 'sig' || (key.alg ?? 'RS256') !== 'RS256')
      continue;
    // Only the public part is taken: a JWKS that leaked a private one would not make it here.
    const publicPart = { kty: 'RSA', n: key.n, e: key.e } as JWK;
    const publicKey = await importJWK(publicPart, 'RS256').catch(() => undefined);
    if (publicKey) imported.set(key.kid, publicKey as KeyLike);
  }
  if (imported.size === 0) throw new Error('Stytch answered without keys');
  return imported;
}

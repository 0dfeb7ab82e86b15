import { importJWK, type JWK, type KeyLike } from 'jose';
import type { Client } from 'stytch';
import { backOff } from './backOff';
import { callStytch } from './callStytch';

/** The project's signing keys cannot be had, so that no token can be judged: not the caller's fault. */
export class KeysUnavailable extends Error {
  override readonly name = 'KeysUnavailable';

  constructor(
    readonly retryAfterSeconds: number,
    cause: unknown,
  ) {
    super(`The signing keys cannot be had: ${(cause as Error).message}`, { cause });
  }
}

export interface SigningKeysOptions {
  /** The Stytch SDK's client. */
  client: { sessions: Pick<Client['sessions'], 'getJWKS'> };
  projectId: string;
  /** How long one fetch of the keys may take. Milliseconds, default 3,000. */
  deadlineMilliseconds?: number;
  /** The least time between a fetch and the next that an unknown key id causes. Milliseconds, default 5,000. */
  cooldownMilliseconds?: number;
  /** How long fetched keys are used. Milliseconds, default 300,000; from half of it on they are renewed ahead. */
  maxAgeMilliseconds?: number;
}

const longestBackOff = 5_000;

/**
 * The public keys that sign a project's tokens (its JWKS), fetched through the SDK and kept.
 *
 * The SDK's own key set waits out 30 s before it asks for a key it does not know, and asks anew for every
 * request while Stytch is away; this one asks after 5 s at most, and never twice at a time.
 */
export class SigningKeys {
  readonly #options: SigningKeysOptions;
  readonly #deadlineMilliseconds: number;
  readonly #cooldownMilliseconds: number;
  readonly #maxAgeMilliseconds: number;
  #keys = new Map<string, KeyLike>();
  // All times are of the monotonic clock, in milliseconds: the wall clock may be set back.
  /** When the fetch of the keys at hand began: they are no newer. */
  #fetchedAt = -Infinity;
  /** When the last fetch began, whatever came of it. */
  #askedAt = -Infinity;
  #pending: Promise<void> | undefined;
  #failures = 0;
  /** The last failure, and until when it stands for every caller. */
  #standing: { cause: unknown; until: number } | undefined;
  #prefetching = false;
  #nextPrefetch: NodeJS.Timeout | undefined;

  constructor(options: SigningKeysOptions) {
    this.#options = options;
    this.#deadlineMilliseconds = options.deadlineMilliseconds ?? 3_000;
    this.#cooldownMilliseconds = options.cooldownMilliseconds ?? 5_000;
    this.#maxAgeMilliseconds = options.maxAgeMilliseconds ?? 300_000;
  }

  /** Whether the keys have been fetched at least once. */
  get available(): boolean {
    return this.#fetchedAt > -Infinity;
  }

  /** Until when the keys at hand may be used without a new fetch. Milliseconds of `performance.now()`. */
  get usableUntil(): number {
    return this.#fetchedAt + this.#maxAgeMilliseconds;
  }

  /** Whether the keys at hand are too old to be used, and the last try to renew them failed. */
  get failing(): boolean {
    return this.#failures > 0 && performance.now() >= this.usableUntil;
  }

  /** Whether a key with this id is among the keys at hand. */
  has(keyId: string): boolean {
    return this.#keys.has(keyId);
  }

  /** Tries to renew the keys, unless that is under way or a failed try is too recent. */
  renew(): void {
    this.#refresh().catch(() => undefined); // Whoever needs the keys is told then.
  }

  /** The same, once the keys at hand have reached half of their age, so that nobody has to wait for it later. */
  renewAhead(): void {
    if (performance.now() - this.#fetchedAt >= this.#maxAgeMilliseconds / 2) this.renew();
  }

  /** Fetches the keys ahead of the first request, again and again until they are there or `stop` is called. */
  prefetch(): void {
    this.#prefetching = true;
    this.#refresh().catch(() => {
      clearTimeout(this.#nextPrefetch);
      if (!this.#prefetching) return;
      const pause = Math.max(0, (this.#standing?.until ?? 0) - performance.now());
      this.#nextPrefetch = setTimeout(() => {
        this.prefetch();
      }, pause);
      this.#nextPrefetch.unref();
    });
  }

  stop(): void {
    this.#prefetching = false;
    clearTimeout(this.#nextPrefetch);
  }

  /**
   * The key with this id, or undefined when the project has none such.
   *
   * @throws KeysUnavailable when that cannot be told.
   */
  async find(keyId: string): Promise<KeyLike | undefined> {
    if (performance.now() >= this.usableUntil) await this.#refresh();
    else this.renewAhead();
    const key = this.#keys.get(keyId);
    if (key) return key;
    // New or invented: a fetch tells. One that fails counts against the cooldown as well.
    const cool = performance.now() - this.#askedAt >= this.#cooldownMilliseconds;
    if (cool || this.#pending) await this.#refresh();
    else if (this.#standing) throw this.#unavailable(this.#standing);
    return this.#keys.get(keyId);
  }

  /** One fetch at a time, shared by all; after a failure none until its back-off is over. */
  #refresh(): Promise<void> {
    if (this.#pending) return this.#pending;
    const standing = this.#standing;
    if (standing && performance.now() < standing.until) return Promise.reject(this.#unavailable(standing));
    this.#pending = this.#fetch().finally(() => {
      this.#pending = undefined;
    });
    return this.#pending;
  }

  async #fetch(): Promise<void> {
    const startedAt = performance.now();
    this.#askedAt = startedAt;
    try {
      const { client, projectId } = this.#options;
      const answer = await callStytch(
        () => client.sessions.getJWKS({ project_id: projectId }),
        this.#deadlineMilliseconds,
      );
      this.#keys = await importKeys(answer);
      this.#fetchedAt = startedAt;
      this.#failures = 0;
      this.#standing = undefined;
    } catch (cause) {
      this.#failures += 1;
      this.#standing = { cause, until: performance.now() + backOff(this.#failures, 1_000, longestBackOff) };
      throw this.#unavailable(this.#standing);
    }
  }

  #unavailable({ cause, until }: { cause: unknown; until: number }): KeysUnavailable {
    return new KeysUnavailable(Math.max(1, Math.ceil((until - performance.now()) / 1_000)), cause);
  }
}

/**
 * The RS256 keys of a JWKS by their ids; keys of other kinds, and malformed ones, are none of ours (RFC 7517 §5).
 * A project always has a key: an answer without any is a failure, and says nothing about tokens.
 */
async function importKeys(answer: unknown): Promise<Map<string, KeyLike>> {
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

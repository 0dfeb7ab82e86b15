import { importJWK, type JWK, type KeyLike } from 'jose';
import { type Fetched, RefreshingCache } from '../refreshingCache';
import { backOff } from '../stytch/backOff';
import { type ProjectAddress, stytchBaseUrl } from '../stytch/addresses';
import { callStytch, StytchUnavailableError } from '../stytch/callStytch';
import type { JwksClient } from '../stytch/stytchClient';
import { stytchDispatcher } from '../stytch/stytchDispatcher';
import { channels, traced } from '../tracing';

/** The project's JWKS is unavailable, so that no token can be verified. It is not the caller's fault. */
export class JwksUnavailableError extends Error {
  override readonly name = 'JwksUnavailableError';

  constructor(
    readonly retryAfterSeconds: number,
    cause: unknown,
  ) {
    super(`The JWKS is unavailable: ${(cause as Error).message}`, { cause });
  }
}

/** The end of a fetch of the JWKS, for metrics and logs. */
export type JwksFetchEvent = { type: 'fetched'; milliseconds: number } | { type: 'failed'; error: Error };

export interface JwksCacheOptions extends ProjectAddress {
  /** A `Client` or `B2BClient` of the Stytch SDK, to fetch the JWKS with. Default: none, the JWKS is public. */
  client?: JwksClient | undefined;
  /**
   * The address of the JWKS (RFC 8414 §2), used when there is no `client`. Default: the project's
   * `/v1/sessions/jwks/{project_id}`. A B2B project has it at `/v1/b2b/sessions/jwks/{project_id}`.
   */
  jwksUri?: string | undefined;
  /** The timeout of one fetch of the JWKS. Milliseconds, default 3,000. */
  timeoutMilliseconds?: number;
  /** The shortest time between two fetches that unknown key ids cause. Milliseconds, default 5,000. */
  cooldownMilliseconds?: number;
  /** How long the fetched keys are used. Milliseconds, default 300,000. They are refreshed after half of it. */
  maxAgeMilliseconds?: number;
  /** Called after every fetch of the JWKS, for metrics. */
  onJwksFetch?: (event: JwksFetchEvent) => void;
}

type Keys = ReadonlyMap<string, KeyLike>;

const maxBackOffMilliseconds = 5_000;

/**
 * A cache of the public keys that sign a project's tokens (its JWKS).
 *
 * The SDK's own cache waits 30 s before it fetches an unknown key, and during an outage it fetches for each request.
 * This one fetches an unknown key after at most 5 s, and never twice at the same time.
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
      fetch: (_deadline, context) =>
        traced(channels.jwksFetch, { context }, async (message) => {
          const startedAt = performance.now();
          const fetched = await fetchJwks(options, timeoutMilliseconds, message.context);
          message.keys = fetched.value.size;
          emit(options, { type: 'fetched', milliseconds: performance.now() - startedAt });
          return fetched;
        }),
      onFailure: (error, failures) => {
        emit(options, { type: 'failed', error });
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

  /** Whether the keys have expired and the last refresh failed. */
  get failing(): boolean {
    return this.#cache.failing && performance.now() >= this.#cache.expiresAt;
  }

  /** Whether the last JWKS has a key with this id. */
  has(keyId: string): boolean {
    return this.#cache.last?.has(keyId) === true;
  }

  /** Refreshes the keys in the background, if it is time. */
  refreshAhead(): void {
    this.#cache.peek();
  }

  /** Refreshes the keys in the background, unless a failure is cached. */
  refresh(): void {
    this.#cache.refresh().catch(() => undefined); // A caller that needs the keys gets the error.
  }

  /** Fetches the keys before the first request. Retries until it succeeds or `stop` is called. */
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
   * Gets the key with this id, or undefined when the project has no such key.
   *
   * @param context the tracing context.
   * @throws JwksUnavailableError when this is unknown.
   */
  async getKey(keyId: string, context?: unknown): Promise<KeyLike | undefined> {
    try {
      const keys = await this.#cache.get(context);
      // The key id is new or invented: only a fetch shows which. A failed fetch counts for the cooldown, too.
      return keys.get(keyId) ?? (await this.#cache.refresh(this.#cooldownMilliseconds, context)).get(keyId);
    } catch (error) {
      const left = this.#cache.failureLeftMilliseconds;
      throw new JwksUnavailableError(Math.max(1, Math.ceil(left / 1_000)), error);
    }
  }
}

function emit({ onJwksFetch }: JwksCacheOptions, event: JwksFetchEvent): void {
  try {
    onJwksFetch?.(event);
  } catch {
    // A failing hook must not cost the caller its key.
  }
}

async function fetchJwks(
  options: JwksCacheOptions,
  timeoutMilliseconds: number,
  context: unknown,
): Promise<Fetched<Keys>> {
  const { client, projectId, maxAgeMilliseconds = 300_000 } = options;
  const answer = await callStytch(
    () => (client ? client.sessions.getJWKS({ project_id: projectId }) : fetchPublicJwks(options)),
    timeoutMilliseconds,
    { context },
  );
  return {
    value: await importKeys(answer),
    lifetimeMilliseconds: maxAgeMilliseconds,
    refreshAfterMilliseconds: maxAgeMilliseconds / 2,
  };
}

/** Fetches the JWKS without the SDK, with the same limits. */
async function fetchPublicJwks(options: JwksCacheOptions): Promise<unknown> {
  const uri = options.jwksUri ?? `${stytchBaseUrl(options)}/v1/sessions/jwks/${options.projectId}`;
  const request: RequestInit = { headers: { accept: 'application/json' }, dispatcher: stytchDispatcher };
  const response = await fetch(uri, request);
  if (response.ok) return response.json();
  throw new StytchUnavailableError(`Stytch answered ${response.status} for the JWKS`, false);
}

/**
 * The RS256 keys of a JWKS by their ids. Other and malformed keys are ignored (RFC 7517 §5). A project always has a
 * key, so an empty JWKS is a failure, and says nothing about tokens.
 */
async function importKeys(answer: unknown): Promise<Keys> {
  const { keys } = (answer ?? {}) as { keys?: unknown };
  const imported = new Map<string, KeyLike>();
  for (const key of Array.isArray(keys) ? (keys as (JWK | null)[]) : []) {
    if (key?.kty !== 'RSA' || !key.kid || (key.use ?? 'sig') !== 'sig' || (key.alg ?? 'RS256') !== 'RS256')
      continue;
    // Only the public members are used, even if a JWKS contains private ones by mistake.
    const publicPart = { kty: 'RSA', n: key.n, e: key.e } as JWK;
    const publicKey = await importJWK(publicPart, 'RS256').catch(() => undefined);
    if (publicKey) imported.set(key.kid, publicKey as KeyLike);
  }
  if (imported.size === 0) throw new Error('Stytch answered without keys');
  return imported;
}

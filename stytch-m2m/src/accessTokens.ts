import type { Client } from 'stytch';
import NodeCache from 'node-cache';
import { backOff, wait } from './backOff';
import { callStytch, isRefusal, StytchRefused, StytchUnreachable } from './callStytch';
import type { ClientCredentials } from './credentials';

/** No access token can be had. `cause` says why; `retryAfterSeconds` when it may be worth another try. */
export class AccessTokenUnavailable extends Error {
  override readonly name = 'AccessTokenUnavailable';

  constructor(
    /**
     * `refused`: Stytch does not accept the credentials or the scopes, and trying again helps nothing.
     * `timeout`: it did not answer in time. `unreachable`: it cannot be reached, or it fails, or it is too busy.
     */
    readonly reason: 'refused' | 'timeout' | 'unreachable',
    readonly retryAfterSeconds: number,
    cause: unknown,
  ) {
    super(`No access token can be had: ${(cause as Error).message}`, { cause });
  }
}

/** What happens to access tokens, for metrics and logs. No event holds a token. */
export type AccessTokenEvent =
  | { type: 'issued' | 'renewed'; scopes: readonly string[]; expiresInSeconds: number; milliseconds: number }
  | { type: 'reused' | 'dropped'; scopes: readonly string[] }
  | { type: 'failed'; scopes: readonly string[]; error: AccessTokenUnavailable };

export interface AccessTokensOptions {
  /** The Stytch SDK's client. */
  client: { m2m: Pick<Client['m2m'], 'token'> };
  credentials: ClientCredentials;
  /** How long one caller waits for a token, tries and waits between them included. Milliseconds, default 5,000. */
  deadlineMilliseconds?: number;
  /** How long a refusal of the credentials or scopes is remembered. Milliseconds, default 5,000. */
  refusalMilliseconds?: number;
  onEvent?: (event: AccessTokenEvent) => void;
}

export interface AcquiredToken {
  accessToken: string;
  /** `kept`: from the cache. `issued`: asked for now. `renewed`: asked for now, in place of an earlier one. */
  origin: 'kept' | 'issued' | 'renewed';
}

/** Times are of the monotonic clock, in milliseconds of `performance.now()`: the wall clock may be set back. */
interface KeptToken {
  accessToken: string;
  /** From when it is no longer used. */
  usableUntil: number;
  /** From when it is renewed in the background. */
  renewFrom: number;
}

/** What is known of one set of scopes beside its token. Times as in `KeptToken`. */
interface Slot {
  key: string;
  scopes: readonly string[];
  /** Grows when its token is dropped: a token asked for earlier is then not kept. */
  generation: number;
  pending: Promise<AcquiredToken> | undefined;
  hadToken: boolean;
  failures: number;
  /** Before this a rejected token is not dropped. */
  nextDrop: number;
  /** Before this no renewal is tried in the background. */
  nextRenewal: number;
  /** Stytch's refusal, or its wish to be left alone, and until when it stands. */
  standing: { error: AccessTokenUnavailable; until: number; credentials: number } | undefined;
}

const longestRenewalWindow = 300_000;
/** `exp` counts whole seconds, so up to one of `expires_in` may be gone when the token arrives. */
const wholeSecond = 1_000;
const leastBetweenDrops = 1_000;
const longestSafetyMargin = 2_000;
/** Seconds: no `Retry-After` shuts a service off for longer. */
const longestRetryAfter = 300;
/** Sets of scopes; a program names a few. */
const mostSlots = 1_000;

/**
 * The access tokens of one M2M client (RFC 6749 §4.4), one for each set of scopes, kept in node-cache.
 *
 * Any number of callers share one token request. A token is renewed in the background before it ends,
 * while callers go on with it; a failed renewal is tried again, less and less often, until it succeeds.
 */
export class AccessTokens {
  readonly #options: AccessTokensOptions;
  readonly #deadlineMilliseconds: number;
  readonly #refusalMilliseconds: number;
  readonly #cache = new NodeCache({ useClones: false, checkperiod: 0 });
  readonly #slots = new Map<string, Slot>();

  constructor(options: AccessTokensOptions) {
    this.#options = options;
    this.#deadlineMilliseconds = options.deadlineMilliseconds ?? 5_000;
    this.#refusalMilliseconds = options.refusalMilliseconds ?? 5_000;
  }

  /**
   * An access token with these scopes: the kept one, or a new one.
   *
   * @throws AccessTokenUnavailable when none can be had within the deadline.
   */
  async get(scopes: readonly string[]): Promise<AcquiredToken> {
    const slot = this.#slotFor(scopes);
    const kept = this.#kept(slot);
    if (!kept) return (slot.pending ??= this.#request(slot));
    const now = performance.now();
    if (now >= kept.renewFrom && now >= slot.nextRenewal && !slot.pending) {
      slot.pending = this.#request(slot);
      slot.pending.catch(() => undefined); // Told by the event; the callers have a token that works.
    }
    this.#tell({ type: 'reused', scopes: slot.scopes });
    return { accessToken: kept.accessToken, origin: 'kept' };
  }

  /**
   * Throws a token away that a resource server did not accept, if it is still the kept one: of many callers
   * that were refused at once only the first has an effect, and in one second only one drop has.
   */
  drop(accessToken: string): void {
    for (const slot of this.#slots.values()) {
      if (this.#cache.get<KeptToken>(slot.key)?.accessToken !== accessToken) continue;
      // A resource server that accepts none would otherwise have Stytch issue one for each call.
      if (performance.now() < slot.nextDrop) continue;
      slot.nextDrop = performance.now() + leastBetweenDrops;
      this.#cache.del(slot.key);
      slot.generation += 1;
      slot.pending = undefined;
      this.#tell({ type: 'dropped', scopes: slot.scopes });
    }
  }

  #slotFor(scopes: readonly string[]): Slot {
    const sorted = [...new Set(scopes)].sort();
    const key = `${this.#options.credentials.clientId} ${sorted.join(' ')}`;
    let slot = this.#slots.get(key);
    if (!slot) {
      const [oldest] = this.#slots.keys();
      if (oldest !== undefined && this.#slots.size >= mostSlots) this.#forget(oldest);
      slot = {
        key,
        scopes: sorted,
        generation: 0,
        pending: undefined,
        nextDrop: -Infinity,
        hadToken: false,
        failures: 0,
        nextRenewal: -Infinity,
        standing: undefined,
      };
      this.#slots.set(key, slot);
    }
    return slot;
  }

  #forget(key: string): void {
    this.#slots.delete(key);
    this.#cache.del(key);
  }

  #kept(slot: Slot): KeptToken | undefined {
    const kept = this.#cache.get<KeptToken>(slot.key);
    return kept && performance.now() < kept.usableUntil ? kept : undefined;
  }

  /** One token request for all who wait, with its tries; tidies up behind itself. */
  #request(slot: Slot): Promise<AcquiredToken> {
    const request = this.#requestWithRetries(slot).finally(() => {
      if (slot.pending === request) slot.pending = undefined;
    });
    return request;
  }

  async #requestWithRetries(slot: Slot): Promise<AcquiredToken> {
    const { credentials } = this.#options;
    const deadline = performance.now() + this.#deadlineMilliseconds;
    let reconsidered = false;
    for (let tries = 1; ; tries += 1) {
      const generation = slot.generation;
      const { secret, generation: secretGeneration } = credentials;
      try {
        this.#throwStanding(slot);
        return await this.#requestOnce(slot, deadline - performance.now());
      } catch (error) {
        // Dropped meanwhile, or refused for a secret that has been replaced: not the verdict on what is true now.
        if (secretGeneration !== credentials.generation && performance.now() < deadline) continue;
        // Refused for good: but there may be a better secret, in the store or beside this one.
        if (!reconsidered && isRefusal(error, 'invalid_client')) {
          reconsidered = true;
          if ((await credentials.reconsider(secret)) && performance.now() < deadline) continue;
        }
        const failure =
          error instanceof AccessTokenUnavailable ? error : this.#judge(slot, error, tries, secretGeneration);
        const pause = pauseBeforeNextTry(failure, tries);
        if (failure.reason === 'refused' || performance.now() + pause >= deadline) {
          if (generation === slot.generation) this.#noteFailure(slot, failure);
          throw failure;
        }
        await wait(pause);
      }
    }
  }

  async #requestOnce(slot: Slot, milliseconds: number): Promise<AcquiredToken> {
    const { client, credentials } = this.#options;
    const { generation } = slot;
    const secretGeneration = credentials.generation;
    const startedAt = performance.now();
    const answer = await callStytch(
      () =>
        client.m2m.token({
          client_id: credentials.clientId,
          client_secret: credentials.secret,
          scopes: [...slot.scopes],
        }),
      milliseconds,
    );
    if (!isTokenAnswer(answer)) throw new StytchUnreachable('Stytch answered without an access token', false);
    const origin = slot.hadToken ? 'renewed' : 'issued';
    if (generation === slot.generation && secretGeneration === credentials.generation) {
      this.#keep(slot, answer.access_token, startedAt, answer.expires_in * 1_000);
    }
    this.#tell({
      type: origin,
      scopes: slot.scopes,
      expiresInSeconds: answer.expires_in,
      milliseconds: performance.now() - startedAt,
    });
    return { accessToken: answer.access_token, origin };
  }

  #keep(slot: Slot, accessToken: string, startedAt: number, lifetime: number): void {
    const usableUntil = startedAt + lifetime - wholeSecond - Math.min(longestSafetyMargin, lifetime / 10);
    const window = Math.min(longestRenewalWindow, lifetime / 10) * (1 + Math.random());
    const renewFrom = usableUntil - Math.min(window, (usableUntil - startedAt) / 2);
    slot.hadToken = true;
    slot.failures = 0;
    slot.nextRenewal = -Infinity;
    slot.standing = undefined;
    // Without a lifetime of node-cache's, which goes by the wall clock.
    if (this.#slots.get(slot.key) === slot)
      this.#cache.set(slot.key, { accessToken, usableUntil, renewFrom });
  }

  #judge(slot: Slot, error: unknown, tries: number, secretGeneration: number): AccessTokenUnavailable {
    if (error instanceof StytchRefused && !error.transient) {
      const refusal = new AccessTokenUnavailable('refused', seconds(this.#refusalMilliseconds), error);
      return this.#stand(slot, refusal, this.#refusalMilliseconds, secretGeneration);
    }
    const asked = retryAfterOf(error);
    if (asked !== undefined) {
      const leftAlone = new AccessTokenUnavailable('unreachable', Math.min(asked, longestRetryAfter), error);
      return this.#stand(slot, leftAlone, leftAlone.retryAfterSeconds * 1_000, secretGeneration);
    }
    const timedOut = error instanceof StytchUnreachable && error.timedOut;
    return new AccessTokenUnavailable(timedOut ? 'timeout' : 'unreachable', tries, error);
  }

  /** From here on this failure is the answer, without a call to Stytch, for so many milliseconds. */
  #stand(
    slot: Slot,
    error: AccessTokenUnavailable,
    milliseconds: number,
    secretGeneration: number,
  ): AccessTokenUnavailable {
    slot.standing = { error, until: performance.now() + milliseconds, credentials: secretGeneration };
    return error;
  }

  #throwStanding({ standing }: Slot): void {
    if (!standing || standing.credentials !== this.#options.credentials.generation) return;
    const left = standing.until - performance.now();
    if (left <= 0) return;
    const { reason, cause } = standing.error;
    throw new AccessTokenUnavailable(reason, seconds(left), cause);
  }

  #tell(event: AccessTokenEvent): void {
    try {
      this.#options.onEvent?.(event);
    } catch {
      // A hook that fails is no reason to go without a token.
    }
  }

  #noteFailure(slot: Slot, error: AccessTokenUnavailable): void {
    slot.failures += 1;
    slot.nextRenewal =
      performance.now() + Math.max(backOff(slot.failures, 1_000, 30_000), pauseBeforeNextTry(error, 1));
    this.#tell({ type: 'failed', scopes: slot.scopes, error });
  }
}

function seconds(milliseconds: number): number {
  return Math.ceil(milliseconds / 1_000);
}

function retryAfterOf(error: unknown): number | undefined {
  const told = error instanceof StytchRefused || error instanceof StytchUnreachable;
  return told ? error.retryAfterSeconds : undefined;
}

/** Milliseconds: the back-off, behind what Stytch asked for: others were told the same, or to wait 0 seconds. */
function pauseBeforeNextTry({ cause, retryAfterSeconds }: AccessTokenUnavailable, tries: number): number {
  const asked = retryAfterOf(cause) === undefined ? 0 : retryAfterSeconds * 1_000;
  return asked + backOff(tries, 200, 2_000);
}

function isTokenAnswer(answer: unknown): answer is { access_token: string; expires_in: number } {
  const { access_token, expires_in } = (answer ?? {}) as Record<string, unknown>;
  const lives = typeof expires_in === 'number' && Number.isFinite(expires_in) && expires_in > 0;
  return typeof access_token === 'string' && access_token !== '' && lives;
}

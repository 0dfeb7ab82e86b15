import { isRunning, thisProcess } from './processIdentity';
import {
  type SecretStore,
  SecretStoreConflictError,
  type StoredRotation,
  type StoredSecrets,
  type StoredVersion,
} from '../stytch/secretStore';

/** The rotation cannot go on as asked, and nothing has been changed; the message says what to do. */
export class RotationConflictError extends Error {
  override readonly name = 'RotationConflictError';
}

/** After so long without a change a rotation's holder is taken for gone. Milliseconds: none takes half of it. */
const leaseMilliseconds = 120_000;

/**
 * Lets one process at a time work on the stored secrets. The process that does writes its name into them; one that
 * finds another's name there leaves the secrets alone, until that process is known to be gone or has changed
 * nothing for two minutes. Since each write is a compare-and-set, a process that lost its claim while it was
 * suspended changes nothing any more.
 */
export class SecretClaims {
  readonly #store: SecretStore;
  /** What another process was seen to work on, and since when. Milliseconds of `performance.now()`. */
  #seen: { version: string; since: number } | undefined;

  constructor(store: SecretStore) {
    this.#store = store;
  }

  /**
   * @returns undefined when another process works on the secrets.
   * @throws SecretStoreError
   */
  async open(): Promise<SecretClaim | undefined> {
    const stored = await this.#store.read();
    return this.#isHeldByAnother(stored) ? undefined : new SecretClaim(this.#store, stored);
  }

  #isHeldByAnother({ secrets, version }: StoredVersion): boolean {
    const holder = secrets.rotation?.holder;
    if (holder === undefined || holder === thisProcess() || isRunning(holder) === false) return false;
    // Its clock is not asked: the time is that for which this process has seen nothing change.
    if (this.#seen?.version !== version) this.#seen = { version, since: performance.now() };
    return performance.now() - this.#seen.since < leaseMilliseconds;
  }
}

/** The stored secrets, as one process works on them. */
export class SecretClaim {
  readonly #store: SecretStore;
  #stored: StoredVersion;

  constructor(store: SecretStore, stored: StoredVersion) {
    this.#store = store;
    this.#stored = stored;
  }

  get secrets(): StoredSecrets {
    return this.#stored.secrets;
  }

  /** The rotation under way, if its next secret is known. */
  get started(): StartedRotation | undefined {
    const { rotation } = this.secrets;
    return rotation?.nextSecret === undefined ? undefined : { ...rotation, nextSecret: rotation.nextSecret };
  }

  /**
   * Makes sure, before Stytch is asked to change anything, that this process and no other is at work.
   *
   * @param change what else is stored about the rotation.
   * @throws SecretStoreConflictError when another process is.
   * @throws SecretStoreError when nothing can be stored.
   */
  async hold(change: Partial<StoredRotation> = {}): Promise<void> {
    const { rotation = { startedAt: new Date() } } = this.secrets;
    if (rotation.holder !== thisProcess() || Object.keys(change).length > 0) {
      await this.write({ ...this.secrets, rotation: { ...rotation, ...change, holder: thisProcess() } });
    } else if ((await this.#store.read()).version !== this.#stored.version) {
      throw new SecretStoreConflictError();
    }
  }

  /** @throws SecretStoreConflictError, SecretStoreError */
  async write(secrets: StoredSecrets): Promise<void> {
    const version = await this.#store.write(secrets, this.#stored.version);
    this.#stored = { secrets, version };
  }

  /**
   * Leaves the secrets to whoever comes next. What cannot be written now is found out by them.
   *
   * @param begun whether a rotation may have begun at Stytch, although its next secret is not known.
   */
  async release(begun: boolean): Promise<void> {
    const { rotation, ...rest } = this.secrets;
    if (rotation?.holder !== thisProcess()) return;
    const goesOn = begun || rotation.nextSecret !== undefined;
    const released = { ...rotation, holder: undefined };
    await this.write(goesOn ? { ...rest, rotation: released } : rest).catch(() => undefined);
  }
}

/** A rotation whose next secret is known. */
export type StartedRotation = StoredRotation & { readonly nextSecret: string };

import { isRunning, thisProcess } from './processIdentity';
import {
  type SecretStore,
  SecretStoreConflictError,
  type StoredRotation,
  type StoredSecrets,
  type StoredVersion,
} from '../stytch/secretStore';

/**
 * The rotation step is not possible now. The message says what to do.
 *
 * @example
 * import { Client } from 'stytch';
 * import { MemorySecretStore, RotationConflictError, SecretRotation, stytchConfig } from 'stytch-m2m';
 *
 * const { STYTCH_PROJECT_ID = '', STYTCH_SECRET = '', STYTCH_BASE_URL } = process.env;
 * const { CLIENT_ID = '', CLIENT_SECRET = '' } = process.env;
 * const client = new Client(
 *   stytchConfig({ projectId: STYTCH_PROJECT_ID, secret: STYTCH_SECRET, baseUrl: STYTCH_BASE_URL }),
 * );
 * const store = new MemorySecretStore(CLIENT_SECRET);
 * const rotation = new SecretRotation({ client, clientId: CLIENT_ID, store });
 *
 * Promise.all([rotation.start(), rotation.start()])
 *   .catch((error: unknown) => {
 *     if (error instanceof RotationConflictError) console.log(error.message);
 *   })
 *   .then(() => rotation.cancel().catch(() => undefined));
 */
export class RotationConflictError extends Error {
  override readonly name: 'RotationConflictError' | 'RotationRunningError' = 'RotationConflictError';
}

/**
 * Another process works on the rotation, or did until it was killed. Try again: after two minutes without a change this
 * process takes over.
 *
 * @example
 * import { Client } from 'stytch';
 * import { MemorySecretStore, RotationRunningError, SecretRotation, stytchConfig } from 'stytch-m2m';
 *
 * const { STYTCH_PROJECT_ID = '', STYTCH_SECRET = '', STYTCH_BASE_URL } = process.env;
 * const { CLIENT_ID = '', CLIENT_SECRET = '' } = process.env;
 * const client = new Client(
 *   stytchConfig({ projectId: STYTCH_PROJECT_ID, secret: STYTCH_SECRET, baseUrl: STYTCH_BASE_URL }),
 * );
 * const store = new MemorySecretStore(CLIENT_SECRET);
 * const rotation = new SecretRotation({ client, clientId: CLIENT_ID, store });
 *
 * Promise.all([rotation.start(), rotation.start()])
 *   .catch((error: unknown) => console.log(error instanceof RotationRunningError)) // true
 *   .then(() => rotation.cancel().catch(() => undefined));
 */
export class RotationRunningError extends RotationConflictError {
  override readonly name = 'RotationRunningError';

  constructor() {
    super('A rotation is running: try again when it has ended');
  }
}

/** A claim expires after this time without a change. Milliseconds. No step takes half as long. */
const leaseMilliseconds = 120_000;

/**
 * Lets one process at a time work on the stored secrets: it writes its name into them. Other processes wait until
 * that process is gone, or has changed nothing for two minutes. Each write is a compare-and-set, so a process that
 * lost its claim while it was suspended can change nothing.
 */
export class SecretClaims {
  readonly #store: SecretStore;
  /** The version that another process works on, and when it was first seen. Milliseconds of `performance.now()`. */
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
    // Measured with this process's clock only.
    if (this.#seen?.version !== version) this.#seen = { version, since: performance.now() };
    return performance.now() - this.#seen.since < leaseMilliseconds;
  }
}

/** The stored secrets while this process works on them. */
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

  /** The rotation in progress, if its next secret is known. */
  get started(): StartedRotation | undefined {
    const { rotation } = this.secrets;
    return rotation?.nextSecret === undefined ? undefined : { ...rotation, nextSecret: rotation.nextSecret };
  }

  /**
   * Confirms the claim of this process, before each change at Stytch.
   *
   * @throws SecretStoreConflictError when another process has the claim.
   * @throws SecretStoreError when the store cannot be read or written.
   */
  async confirm(): Promise<void> {
    if (this.secrets.rotation?.holder !== thisProcess()) await this.update({});
    else if ((await this.#store.read()).version !== this.#stored.version)
      throw new SecretStoreConflictError();
  }

  /**
   * Stores fields of the rotation, and the claim of this process.
   *
   * @throws SecretStoreConflictError, SecretStoreError
   */
  async update(fields: Partial<StoredRotation>): Promise<void> {
    const { rotation = { startedAt: new Date() } } = this.secrets;
    await this.write({ ...this.secrets, rotation: { ...rotation, ...fields, holder: thisProcess() } });
  }

  /** @throws SecretStoreConflictError, SecretStoreError */
  async write(secrets: StoredSecrets): Promise<void> {
    const version = await this.#store.write(secrets, this.#stored.version);
    this.#stored = { secrets, version };
  }

  /**
   * Releases the claim. A failed write is ignored: the next process reconciles.
   *
   * @param mayHaveStarted whether Stytch may have started a rotation although its next secret is unknown.
   */
  async release(mayHaveStarted: boolean): Promise<void> {
    const { rotation, ...rest } = this.secrets;
    if (rotation?.holder !== thisProcess()) return;
    const unfinished = mayHaveStarted || rotation.nextSecret !== undefined;
    const released = { ...rotation, holder: undefined };
    await this.write(unfinished ? { ...rest, rotation: released } : rest).catch(() => undefined);
  }
}

/** A rotation whose next secret is known. */
export type StartedRotation = StoredRotation & { readonly nextSecret: string };

/** The stored secret of an M2M client, and its rotation if there is one. */
export interface StoredSecrets {
  readonly secret: string;
  /** When the secret was last rotated. If the stored value does not say, when it was last written or created. */
  readonly lastRotatedAt?: Date;
  /** Set before Stytch is asked to start a rotation, until it is completed or cancelled. */
  readonly rotation?: StoredRotation;
}

/** A rotation in progress. */
export interface StoredRotation {
  /** When the next secret was stored. Until there is one, when the start was stored. */
  readonly startedAt: Date;
  /** Set once Stytch has returned it. From then on both secrets work. */
  readonly nextSecret?: string;
  /** True when it runs from start to end. Otherwise an operator completes or cancels it. */
  readonly automatic?: boolean;
  /** True when it is about to be cancelled: the next secret is no longer used. */
  readonly cancelling?: boolean;
  /** The process that works on it now. */
  readonly holder?: string | undefined;
}

/** A stored value and its version. */
export interface StoredVersion {
  readonly secrets: StoredSecrets;
  /** Identifies this value in a later `write`. It contains no secret. */
  readonly version: string;
}

/**
 * Stores the secret of an M2M client. Several processes may share a store: a write is a compare-and-set, so that no
 * process overwrites a newer value. `stytch-m2m/secret-store-contract` has tests for an implementation of your own.
 */
export interface SecretStore {
  /** Whether the stored value outlives this process. */
  readonly persistent: boolean;
  /** Whether this process only follows the stored value, which another one writes. Default false. */
  readonly readOnly?: boolean;
  /** @throws SecretStoreError */
  read(): Promise<StoredVersion>;
  /**
   * Replaces the stored value, atomically. The listeners of this store get the new value before `write` resolves.
   *
   * @param version the version of the value to replace, from `read` or the last `write`.
   * @returns the new version.
   * @throws SecretStoreConflictError when the stored value has another version.
   * @throws SecretStoreError when the value cannot be written.
   */
  write(secrets: StoredSecrets, version: string): Promise<string>;
  /**
   * Watches the stored value.
   *
   * @param listener gets the new value after each change, whichever process made it.
   * @param onError gets each error of a read. The watch goes on.
   * @returns a function that ends the watch.
   */
  watch(listener: (secrets: StoredSecrets) => void, onError: (error: unknown) => void): () => void;
}

/**
 * The secret cannot be read or stored. The message says what to do, and contains no secret.
 *
 * @example
 * import { FileSecretStore, SecretStoreError } from 'stytch-m2m';
 *
 * new FileSecretStore('no-such-file').read().catch((error: unknown) => {
 *   if (error instanceof SecretStoreError) console.log(error.message);
 * });
 */
export class SecretStoreError extends Error {
  override readonly name: string = 'SecretStoreError';
}

/**
 * Another process has changed the stored value.
 *
 * @example
 * import { MemorySecretStore, SecretStoreConflictError } from 'stytch-m2m';
 *
 * new MemorySecretStore('secret').write({ secret: 'next' }, 'an old version').catch((error: unknown) => {
 *   console.log(error instanceof SecretStoreConflictError); // true
 * });
 */
export class SecretStoreConflictError extends SecretStoreError {
  override readonly name = 'SecretStoreConflictError';

  constructor() {
    super('Another process has changed the stored client secret');
  }
}

/**
 * This process only follows the stored value: another one rotates the secret. Nothing was changed.
 *
 * @example
 * import { FileSecretStore, SecretStoreReadOnlyError } from 'stytch-m2m';
 *
 * const store = new FileSecretStore('client-secret', { readOnly: true });
 * store.write({ secret: 'next' }, 'a version').catch((error: unknown) => {
 *   console.log(error instanceof SecretStoreReadOnlyError); // true
 * });
 */
export class SecretStoreReadOnlyError extends SecretStoreError {
  override readonly name = 'SecretStoreReadOnlyError';

  constructor() {
    super('The client secret is read-only for this process: another one rotates it');
  }
}

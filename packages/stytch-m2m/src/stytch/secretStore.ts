/** What is stored of the secret of an M2M client. */
export interface StoredSecrets {
  readonly secret: string;
  /** When the secret became the secret; of a file that does not say, when it was last written. */
  readonly lastRotatedAt?: Date;
  /** There from before Stytch is asked to start a rotation until it is completed or cancelled. */
  readonly rotation?: StoredRotation;
}

/** A rotation that is under way. */
export interface StoredRotation {
  readonly startedAt: Date;
  /** There once Stytch has shown it. Both secrets work then. */
  readonly nextSecret?: string;
  /** Whether it runs from start to end by itself. Otherwise it waits for whoever started it to complete or cancel it. */
  readonly automatic?: boolean;
  /** Whether it is about to be cancelled: the next secret is no longer used. */
  readonly cancelling?: boolean;
  /** The process that works on it at this moment. */
  readonly holder?: string | undefined;
}

/** What is stored at one moment. */
export interface StoredVersion {
  readonly secrets: StoredSecrets;
  /** Names what was read for `write`. It holds no secret. */
  readonly version: string;
}

/**
 * The place where the secret of an M2M client is stored. Several processes may share it: a write is a
 * compare-and-set, so that none overwrites what another has written since.
 */
export interface SecretStore {
  /** Whether what is written outlives this process. */
  readonly persistent: boolean;
  /** @throws SecretStoreError */
  read(): Promise<StoredVersion>;
  /**
   * Replaces all that is stored, or nothing of it. What is written is given to the listeners of this store before
   * it resolves.
   *
   * @param version of what is to be replaced, as `read` or the last `write` returned it.
   * @returns the new version.
   * @throws SecretStoreConflictError when something else is stored by now.
   * @throws SecretStoreError when it cannot be written.
   */
  write(secrets: StoredSecrets, version: string): Promise<string>;
  /**
   * Follows what is stored.
   *
   * @param listener gets it whenever it has changed, whoever changed it.
   * @param onError gets what goes wrong on the way. What is stored is followed on.
   * @returns what ends it.
   */
  watch(listener: (secrets: StoredSecrets) => void, onError: (error: unknown) => void): () => void;
}

/** The secret cannot be read or stored. The message says what to do, and holds no secret. */
export class SecretStoreError extends Error {
  override readonly name: string = 'SecretStoreError';
}

/** Another process has stored something since. */
export class SecretStoreConflictError extends SecretStoreError {
  override readonly name = 'SecretStoreConflictError';

  constructor() {
    super('Another process has changed the stored client secret');
  }
}

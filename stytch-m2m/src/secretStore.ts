/** What is known of the secret of an M2M client, and of the rotation under way, if there is one. */
export interface StoredSecrets {
  readonly secret: string;
  /** There from the moment that Stytch has shown it until the rotation is completed or cancelled. */
  readonly nextSecret?: string;
  /** There from before Stytch is asked to start a rotation until it is completed or cancelled. */
  readonly rotationStartedAt?: Date;
  /** Whether nobody waits to complete the rotation under way, so that a restart has to. */
  readonly unattended?: boolean;
  /** When the secret became the secret; of a file that does not say, when it was last written. */
  readonly lastRotatedAt?: Date;
}

/** The place where the secret of an M2M client is kept. */
export interface SecretStore {
  /** Whether what is written outlives this process. */
  readonly persistent: boolean;
  /** @throws SecretStoreError */
  read(): Promise<StoredSecrets>;
  /** Replaces all that is stored, or nothing of it. @throws SecretStoreError */
  write(secrets: StoredSecrets): Promise<void>;
  /**
   * Keeps every other process that shares the store from rotating.
   *
   * @returns what ends that; undefined when another process has the lock.
   * @throws SecretStoreError
   */
  lock(): Promise<(() => Promise<void>) | undefined>;
  /** Calls the listener when another process may have changed what is stored. Returns what ends that. */
  watch(listener: () => void): () => void;
}

/** The secret cannot be read or kept. The message says what to do, and holds no secret. */
export class SecretStoreError extends Error {
  override readonly name = 'SecretStoreError';
}

/** Keeps the secret for as long as the process lives. */
export class SecretInMemory implements SecretStore {
  readonly persistent = false;
  #secrets: StoredSecrets;

  constructor(secret: string) {
    this.#secrets = { secret };
  }

  read(): Promise<StoredSecrets> {
    return Promise.resolve(this.#secrets);
  }

  write(secrets: StoredSecrets): Promise<void> {
    this.#secrets = secrets;
    return Promise.resolve();
  }

  lock(): Promise<() => Promise<void>> {
    return Promise.resolve(() => Promise.resolve());
  }

  watch(): () => void {
    return () => undefined;
  }
}

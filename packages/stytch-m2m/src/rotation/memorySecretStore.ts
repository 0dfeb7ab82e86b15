import {
  type SecretStore,
  SecretStoreConflictError,
  type StoredSecrets,
  type StoredVersion,
} from '../stytch/secretStore';

/**
 * Stores the secret in memory: a new secret is lost when the process ends.
 *
 * @example
 * import { MemorySecretStore } from 'stytch-m2m';
 *
 * const store = new MemorySecretStore(process.env.CLIENT_SECRET ?? '');
 *
 * store.read().then(({ version }) => console.log(version)); // 0
 */
export class MemorySecretStore implements SecretStore {
  readonly persistent = false;
  readonly #listeners = new Set<(secrets: StoredSecrets) => void>();
  #secrets: StoredSecrets;
  #version = 0;

  constructor(secret: string) {
    this.#secrets = { secret };
  }

  read(): Promise<StoredVersion> {
    return Promise.resolve({ secrets: this.#secrets, version: String(this.#version) });
  }

  write(secrets: StoredSecrets, version: string): Promise<string> {
    if (version !== String(this.#version)) return Promise.reject(new SecretStoreConflictError());
    this.#secrets = secrets;
    this.#version += 1;
    for (const listener of this.#listeners) listener(secrets);
    return Promise.resolve(String(this.#version));
  }

  watch(listener: (secrets: StoredSecrets) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

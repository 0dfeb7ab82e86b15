import type { SecretStore, StoredSecrets } from '../stytch/secretStore';

/** While Stytch rejects both secrets, they are swapped at most this often. Milliseconds. */
const swapMilliseconds = 1_000;

/**
 * The credentials of an M2M client (RFC 6749 §2.3.1). The secret can change while they are in use. It is a private
 * field, so that it does not appear in logs, JSON or `console.log`.
 *
 * @example
 * import { ClientCredentials, MemorySecretStore } from 'stytch-m2m';
 *
 * const fixed = new ClientCredentials('m2m-client-test-1', 'secret');
 * const store = new MemorySecretStore('secret');
 * ClientCredentials.follow(fixed.clientId, store).then(({ credentials, stop }) => {
 *   console.log(credentials.clientId);
 *   stop();
 * });
 */
export class ClientCredentials {
  #secret: string;
  /** During a rotation both secrets work. The other one is tried when Stytch rejects the first. */
  #otherSecret: string | undefined;
  /** The last value passed to `use`, one secret a line, to detect changes. */
  #given: string;
  /** When the two may be swapped again. Milliseconds of `performance.now()`. */
  #nextSwap = -Infinity;
  #generation = 0;
  #lastRotatedAt: Date | undefined;
  #reload: (() => Promise<void>) | undefined;
  readonly #listeners = new Set<() => void>();

  /** @throws TypeError when the id or the secret is missing. */
  constructor(
    readonly clientId: string,
    secret: string,
  ) {
    if (!clientId || !secret) throw new TypeError('An M2M client needs its id and its secret');
    this.#secret = secret;
    this.#given = secret;
  }

  /**
   * Creates credentials that follow a store: they use the stored secret, whichever process wrote it.
   *
   * @param onError gets each error of a later read. The current secrets stay in use.
   * @returns the credentials, and a function that stops following.
   * @throws SecretStoreError
   */
  static async follow(
    clientId: string,
    store: SecretStore,
    onError: (error: unknown) => void = () => undefined,
  ): Promise<{ credentials: ClientCredentials; stop: () => void }> {
    const { secrets } = await store.read();
    const credentials = new ClientCredentials(clientId, secrets.secret);
    credentials.use(secrets);
    const report = (error: unknown) => {
      try {
        onError(error);
      } catch {
        // An error in `onError` must not end the watch.
      }
    };
    credentials.#reload = async () => {
      const given = credentials.#given;
      const read = await store.read().catch(report);
      if (read && given === credentials.#given) credentials.use(read.secrets); // Otherwise this read is out of date.
    };
    const stop = store.watch((stored) => {
      credentials.use(stored);
    }, report);
    await credentials.#reload(); // The store may have changed before the watch began.
    return { credentials, stop };
  }

  /** When the secret was last rotated, if known. */
  get lastRotatedAt(): Date | undefined {
    return this.#lastRotatedAt;
  }

  get secret(): string {
    return this.#secret;
  }

  /** @param listener is called whenever the secret in use changes. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** Grows by one with each new secret. It identifies requests that began with an earlier one. */
  get generation(): number {
    return this.#generation;
  }

  /** Changes the secret. A token that is being requested with the earlier one is not cached. */
  replaceSecret(secret: string): void {
    this.use({ secret });
  }

  /**
   * Uses stored secrets: during a rotation the next secret first, with the other as fallback. If the same secrets are
   * passed again, nothing changes: they do not bring back a secret that Stytch has rejected.
   */
  use({ secret, rotation, lastRotatedAt }: StoredSecrets): void {
    this.#lastRotatedAt = lastRotatedAt;
    const secrets = [secret, rotation?.nextSecret].filter((one) => one !== undefined);
    // The first is used, the second is the fallback. A next secret that is about to be cancelled comes last.
    if (rotation?.cancelling !== true) secrets.reverse();
    if (secrets.join('\n') === this.#given) return;
    this.#given = secrets.join('\n');
    this.#nextSwap = -Infinity;
    this.#otherSecret = secrets[1];
    this.#change(secrets[0] ?? secret);
  }

  /**
   * Looks for another secret after Stytch has rejected one: in the store, then the other secret of a rotation.
   *
   * @returns whether another secret is now in use.
   */
  async reconsider(rejected: string): Promise<boolean> {
    if (this.#secret === rejected) await this.#reload?.();
    if (this.#secret === rejected && this.#otherSecret !== undefined && performance.now() >= this.#nextSwap) {
      const other = this.#otherSecret;
      this.#otherSecret = rejected;
      this.#nextSwap = performance.now() + swapMilliseconds;
      this.#change(other);
    }
    return this.#secret !== rejected;
  }

  #change(secret: string): void {
    if (secret === this.#secret) return;
    this.#secret = secret;
    this.#generation += 1;
    for (const listener of this.#listeners) listener();
  }
}

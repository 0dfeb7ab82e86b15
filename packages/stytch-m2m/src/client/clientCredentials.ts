import type { SecretStore, StoredSecrets } from '../stytch/secretStore';

/** When Stytch refuses both secrets they are exchanged this often, in milliseconds, not with each request. */
const exchangeMilliseconds = 1_000;

/**
 * The credentials of an M2M client (RFC 6749 §2.3.1). The secret can change while they are in use; private
 * fields keep it out of logs, JSON and `console.log`.
 */
export class ClientCredentials {
  #secret: string;
  /** During a rotation both work; which one ends first is for Stytch to say. */
  #otherSecret: string | undefined;
  /** The secrets that `use` was last called with, one a line. */
  #given: string;
  /** When the two may be exchanged again. Milliseconds of `performance.now()`. */
  #nextExchange = -Infinity;
  #generation = 0;
  #lastRotatedAt: Date | undefined;
  #reload: (() => Promise<void>) | undefined;
  readonly #listeners = new Set<() => void>();

  constructor(
    readonly clientId: string,
    secret: string,
  ) {
    this.#secret = secret;
    this.#given = secret;
  }

  /**
   * Credentials that follow a store: they use what it holds, whoever wrote it.
   *
   * @param onError gets what goes wrong while the store is read later on; the secrets at hand stay in use.
   * @returns the credentials, and what ends the following.
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
        // A hook that fails is no reason to stop following.
      }
    };
    credentials.#reload = async () => {
      const given = credentials.#given;
      const read = await store.read().catch(report);
      if (read && given === credentials.#given) credentials.use(read.secrets); // Else it is older than what is in use.
    };
    const stop = store.watch((stored) => {
      credentials.use(stored);
    }, report);
    await credentials.#reload(); // What was written before it was watched.
    return { credentials, stop };
  }

  /** When the secret became the secret, as far as is known. */
  get lastRotatedAt(): Date | undefined {
    return this.#lastRotatedAt;
  }

  get secret(): string {
    return this.#secret;
  }

  /** @param listener is called whenever another secret is used from now on. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** Grows by one with each new secret, so that what was begun with an earlier one can be told. */
  get generation(): number {
    return this.#generation;
  }

  /** From now on this secret is used. The token of a request under way with the earlier one is not cached. */
  replaceSecret(secret: string): void {
    this.use({ secret });
  }

  /**
   * From now on the next secret is used, where there is one, with the other to fall back on. The same secrets
   * once more change nothing: the one that was refused stays out of use.
   */
  use({ secret, rotation, lastRotatedAt }: StoredSecrets): void {
    this.#lastRotatedAt = lastRotatedAt;
    const secrets = [secret, rotation?.nextSecret].filter((one) => one !== undefined);
    // The first is used, and then the other. One that is about to be cancelled comes last.
    if (rotation?.cancelling !== true) secrets.reverse();
    if (secrets.join('\n') === this.#given) return;
    this.#given = secrets.join('\n');
    this.#nextExchange = -Infinity;
    this.#otherSecret = secrets[1];
    this.#change(secrets[0] ?? secret);
  }

  /**
   * Called when Stytch refuses a secret: looks for a better one, in the store and beside it.
   *
   * @returns whether there is one, now in use.
   */
  async reconsider(refused: string): Promise<boolean> {
    if (this.#secret === refused) await this.#reload?.();
    if (
      this.#secret === refused &&
      this.#otherSecret !== undefined &&
      performance.now() >= this.#nextExchange
    ) {
      const other = this.#otherSecret;
      this.#otherSecret = refused;
      this.#nextExchange = performance.now() + exchangeMilliseconds;
      this.#change(other);
    }
    return this.#secret !== refused;
  }

  #change(secret: string): void {
    if (secret === this.#secret) return;
    this.#secret = secret;
    this.#generation += 1;
    for (const listener of this.#listeners) listener();
  }
}

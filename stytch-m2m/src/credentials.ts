import type { SecretStore, StoredSecrets } from './secretStore';

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
  /** What was last given to use, to tell a change from the same once more. */
  #given: { secret: string; nextSecret?: string | undefined };
  /** When the two may be exchanged again. Milliseconds of `performance.now()`. */
  #nextExchange = -Infinity;
  #generation = 0;
  #reload: (() => Promise<void>) | undefined;

  constructor(
    readonly clientId: string,
    secret: string,
  ) {
    this.#secret = secret;
    this.#given = { secret };
  }

  /**
   * Credentials that follow a store: what another process writes there is taken over.
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
    const stored = await store.read();
    const credentials = new ClientCredentials(clientId, stored.secret);
    credentials.use(stored);
    const reload = async () => {
      try {
        const given = credentials.#given;
        const read = await store.read();
        if (given === credentials.#given) credentials.use(read); // Else what was read is older than what is in use.
      } catch (error) {
        try {
          onError(error);
        } catch {
          // A hook that fails is no reason to stop following.
        }
      }
    };
    credentials.#reload = reload;
    const stop = store.watch(() => void reload());
    await reload(); // What was written before there was a watch.
    return { credentials, stop };
  }

  get secret(): string {
    return this.#secret;
  }

  /** Grows by one with each new secret, so that what was begun with an earlier one can be told. */
  get generation(): number {
    return this.#generation;
  }

  /** From now on this secret is used. A token request under way with the earlier one is not kept. */
  replaceSecret(secret: string): void {
    this.use({ secret });
  }

  /**
   * From now on the next secret is used, where there is one, with the other to fall back on. The same secrets
   * once more change nothing: the one that was refused stays out of use.
   */
  use({ secret, nextSecret }: StoredSecrets): void {
    if (secret === this.#given.secret && nextSecret === this.#given.nextSecret) return;
    this.#given = { secret, nextSecret };
    this.#nextExchange = -Infinity;
    this.#otherSecret = nextSecret === undefined ? undefined : secret;
    this.#change(nextSecret ?? secret);
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
  }
}

/**
 * The credentials of an M2M client (RFC 6749 §2.3.1). The secret can change while they are in use; a private
 * field keeps it out of logs, JSON and `console.log`.
 */
export class ClientCredentials {
  #secret: string;
  #generation = 0;

  constructor(
    readonly clientId: string,
    secret: string,
  ) {
    this.#secret = secret;
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
    if (secret === this.#secret) return;
    this.#secret = secret;
    this.#generation += 1;
  }
}

import type { Client } from 'stytch';
import { callStytch, StytchUnreachable } from './callStytch';
import type { ClientCredentials } from './credentials';

/** The rotation cannot go on as asked, and nothing has been changed; the message says what to do. */
export class RotationConflict extends Error {
  override readonly name = 'RotationConflict';
}

export interface SecretRotationOptions {
  /** The Stytch SDK's client. */
  client: { m2m: { clients: Pick<Client['m2m']['clients'], 'get' | 'secrets'> } };
  credentials: ClientCredentials;
  /** How long each call to Stytch may take. Milliseconds, default 5,000. */
  deadlineMilliseconds?: number;
}

/**
 * Rotates the secret of an M2M client while it is in use. Between start and completion both secrets work;
 * the credentials go over to the next one at the start, so that completion finds nobody on the old one.
 */
export class SecretRotation {
  readonly #clients: SecretRotationOptions['client']['m2m']['clients'];
  readonly #credentials: ClientCredentials;
  readonly #deadlineMilliseconds: number;
  #previousSecret: string | undefined;

  constructor({ client, credentials, deadlineMilliseconds = 5_000 }: SecretRotationOptions) {
    this.#clients = client.m2m.clients;
    this.#credentials = credentials;
    this.#deadlineMilliseconds = deadlineMilliseconds;
  }

  /**
   * Starts a rotation: from now on the credentials use the next secret.
   *
   * @returns the next secret, which Stytch shows this once.
   * @throws StytchRefused, among others when a rotation is under way.
   * @throws StytchUnreachable
   */
  async start(): Promise<string> {
    const next: unknown = await this.#call(
      async (client_id) =>
        (await this.#clients.secrets.rotateStart({ client_id })).m2m_client.next_client_secret,
    );
    if (typeof next !== 'string' || next === '') {
      throw new StytchUnreachable('Stytch answered without the next secret: cancel, and start again', false);
    }
    this.#previousSecret = this.#credentials.secret;
    this.#credentials.replaceSecret(next);
    return next;
  }

  /**
   * Completes a rotation: the old secret stops working.
   *
   * @throws RotationConflict when these credentials are still on the old secret, as after a restart with it.
   * @throws StytchRefused, among others when no rotation is under way.
   * @throws StytchUnreachable
   */
  async complete(): Promise<void> {
    const next = await this.#nextLastFour();
    if (next && !this.#credentials.secret.endsWith(next)) {
      throw new RotationConflict(
        'This server still uses the old secret and would lose access: restart it with the next secret, or cancel the rotation',
      );
    }
    await this.#call((client_id) => this.#clients.secrets.rotate({ client_id }));
    this.#previousSecret = undefined;
  }

  /**
   * Cancels a rotation: the next secret stops working, and the credentials go back to the one before.
   *
   * @throws RotationConflict when these credentials know no other secret, as after a restart with the next one.
   * @throws StytchRefused, among others when no rotation is under way.
   * @throws StytchUnreachable
   */
  async cancel(): Promise<void> {
    const next = await this.#nextLastFour();
    if (next && this.#credentials.secret.endsWith(next)) {
      if (this.#previousSecret === undefined) {
        throw new RotationConflict(
          'This server knows only the next secret and would lose access: complete the rotation, or restart it with the old secret',
        );
      }
      // Before the call: until Stytch cancels both secrets work, and a lost answer does not tell whether it has.
      this.#credentials.replaceSecret(this.#previousSecret);
    }
    await this.#call((client_id) => this.#clients.secrets.rotateCancel({ client_id }));
    this.#previousSecret = undefined;
  }

  /** The end of the next secret, while a rotation is under way. */
  #nextLastFour(): Promise<string | null | undefined> {
    return this.#call(
      async (client_id) => (await this.#clients.get({ client_id })).m2m_client.next_client_secret_last_four,
    );
  }

  #call<Result>(call: (clientId: string) => Promise<Result>): Promise<Result> {
    return callStytch(() => call(this.#credentials.clientId), this.#deadlineMilliseconds);
  }
}

import type { Client } from 'stytch';
import { callStytch, StytchUnreachable } from './callStytch';

export interface ClientSecretsOptions {
  /** The Stytch SDK's client. */
  client: {
    m2m: Pick<Client['m2m'], 'token'> & { clients: Pick<Client['m2m']['clients'], 'get' | 'secrets'> };
  };
  /** How long each call to Stytch may take. Milliseconds, default 5,000. */
  deadlineMilliseconds?: number;
  /** Called before and after each call to Stytch and each write, with the name of the step. */
  onStep?: (step: string) => void;
}

/** What Stytch tells of the secrets of a client: their last four characters. */
export interface ShownSecrets {
  secret: string;
  /** Undefined unless a rotation is under way. */
  next: string | undefined;
}

/**
 * The secrets of one M2M client at Stytch. An answer without what was asked for counts as none: what has
 * been done is not known then.
 *
 * Every method throws StytchRefused or StytchUnreachable.
 */
export class ClientSecrets {
  readonly #clientId: string;
  readonly #options: ClientSecretsOptions;

  constructor(clientId: string, options: ClientSecretsOptions) {
    this.#clientId = clientId;
    this.#options = options;
  }

  show(): Promise<ShownSecrets> {
    return this.#call('get', async (client_id) => {
      const { m2m_client } = await this.#options.client.m2m.clients.get({ client_id });
      const secret = text(m2m_client.client_secret_last_four, 'the last characters of the secret');
      return { secret, next: m2m_client.next_client_secret_last_four ?? undefined };
    });
  }

  /** @returns the next secret, shown this once. */
  start(): Promise<string> {
    return this.#call('rotateStart', async (client_id) => {
      const { m2m_client } = await this.#options.client.m2m.clients.secrets.rotateStart({ client_id });
      return text(m2m_client.next_client_secret, 'the next secret');
    });
  }

  async complete(): Promise<void> {
    await this.#call('rotate', (client_id) => this.#options.client.m2m.clients.secrets.rotate({ client_id }));
  }

  async cancel(): Promise<void> {
    const { secrets } = this.#options.client.m2m.clients;
    await this.#call('rotateCancel', (client_id) => secrets.rotateCancel({ client_id }));
  }

  /** Gets an access token with a secret, to see whether it works. */
  async prove(client_secret: string): Promise<void> {
    await this.#call('token', (client_id) => this.#options.client.m2m.token({ client_id, client_secret }));
  }

  async #call<Result>(name: string, call: (clientId: string) => Promise<Result>): Promise<Result> {
    const { deadlineMilliseconds = 5_000, onStep } = this.#options;
    onStep?.(`call ${name}`);
    const result = await callStytch(() => call(this.#clientId), deadlineMilliseconds);
    onStep?.(`called ${name}`);
    return result;
  }
}

function text(value: unknown, what: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new StytchUnreachable(`Stytch answered without ${what}`, false);
}

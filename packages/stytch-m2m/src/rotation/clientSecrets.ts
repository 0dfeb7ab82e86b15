import type { Client } from 'stytch';
import { callStytch, isRefusal, StytchUnavailableError } from '../stytch/callStytch';

export interface ClientSecretsOptions {
  /** The Stytch SDK's client. */
  client: {
    m2m: Pick<Client['m2m'], 'token'> & { clients: Pick<Client['m2m']['clients'], 'get' | 'secrets'> };
  };
  clientId: string;
  /** How long each call to Stytch may take. Milliseconds, default 5,000. */
  timeoutMilliseconds?: number;
}

/** What Stytch tells of the secrets of a client: their last four characters. */
export interface ShownSecrets {
  secret: string;
  /** Undefined unless a rotation is under way. */
  next: string | undefined;
  /** Stytch's own id of the request that showed them. */
  requestId: string | undefined;
}

/** RFC 6749 appendix A.2, without the space: a secret that one line of a file can hold. */
const acceptableSecret = /^[\x21-\x7E]+$/;

/**
 * The secrets of one M2M client at Stytch. An answer without what was asked for counts as none: what has been done
 * is not known then.
 *
 * Every method throws StytchApiError or StytchUnavailableError.
 */
export class ClientSecrets {
  readonly #options: ClientSecretsOptions;

  constructor(options: ClientSecretsOptions) {
    this.#options = options;
  }

  async show(): Promise<ShownSecrets> {
    return readShown(await this.#call((client_id) => this.#clients.get({ client_id })));
  }

  /** @returns the next secret, shown this once. */
  async start(): Promise<string> {
    const { m2m_client } = await this.#call((client_id) => this.#clients.secrets.rotateStart({ client_id }));
    const { next_client_secret: secret } = (m2m_client ?? {}) as { next_client_secret?: unknown };
    if (typeof secret === 'string' && acceptableSecret.test(secret)) return secret;
    throw new StytchUnavailableError('Stytch answered without a next secret that can be used', false);
  }

  /** @param nextSecret what has to be the secret afterwards. */
  async complete(nextSecret: string): Promise<void> {
    const isDone = ({ secret, next }: ShownSecrets) => secret === lastFour(nextSecret) && next === undefined;
    try {
      const answer = await this.#call((client_id) => this.#clients.secrets.rotate({ client_id }));
      if (isDone(readShown(answer))) return;
      throw new StytchUnavailableError(
        'Stytch shows other secrets than those of a completed rotation',
        false,
      );
    } catch (error) {
      // The answer may be lost, or hold less than it should, and the deed done.
      const shown = await this.show().catch(() => undefined);
      if (!shown || !isDone(shown)) throw error;
    }
  }

  async cancel(): Promise<void> {
    const answer = await this.#call((client_id) => this.#clients.secrets.rotateCancel({ client_id }));
    if (readShown(answer).next === undefined) return;
    throw new StytchUnavailableError('Stytch shows a next secret after it was cancelled', false);
  }

  /** Whether a secret gets an access token. */
  async works(client_secret: string): Promise<boolean> {
    try {
      const answer = await this.#call((client_id) =>
        this.#options.client.m2m.token({ client_id, client_secret }),
      );
      const { access_token } = answer as { access_token?: unknown };
      if (typeof access_token === 'string' && access_token !== '') return true;
    } catch (error) {
      if (isRefusal(error, 'invalid_client')) return false;
      throw error;
    }
    throw new StytchUnavailableError('Stytch answered without an access token', false);
  }

  get #clients() {
    return this.#options.client.m2m.clients;
  }

  /** @returns an object, so that a field of it can be asked for. */
  async #call<Result extends object>(call: (clientId: string) => Promise<Result>): Promise<Partial<Result>> {
    const { clientId, timeoutMilliseconds = 5_000 } = this.#options;
    const answer: unknown = await callStytch(() => call(clientId), timeoutMilliseconds);
    return typeof answer === 'object' && answer !== null ? answer : {};
  }
}

export function lastFour(secret: string): string {
  return secret.slice(-4);
}

function readShown(answer: { m2m_client?: unknown; request_id?: unknown }): ShownSecrets {
  const client = (answer.m2m_client ?? {}) as Record<string, unknown>;
  const { client_secret_last_four: secret } = client;
  const next = client.next_client_secret_last_four ?? '';
  if (typeof secret !== 'string' || secret === '' || typeof next !== 'string') {
    throw new StytchUnavailableError('Stytch answered without the last characters of the secrets', false);
  }
  const requestId = typeof answer.request_id === 'string' ? answer.request_id : undefined;
  return { secret, next: next === '' ? undefined : next, requestId };
}

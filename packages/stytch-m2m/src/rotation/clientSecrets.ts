import { callStytch, isRefusal, StytchUnavailableError } from '../stytch/callStytch';
import type { RotationClient } from '../stytch/stytchClient';
import { channels, type RotationStepMessage, traced } from '../tracing';

export interface ClientSecretsOptions {
  /** A `Client` or `B2BClient` of the Stytch SDK. */
  client: RotationClient;
  clientId: string;
  /** How long each call to Stytch may take. Milliseconds, default 5,000. */
  timeoutMilliseconds?: number;
}

/** The last four characters of a client's secrets, as Stytch shows them. */
export interface ShownSecrets {
  secret: string;
  /** Undefined unless a rotation is in progress. */
  next: string | undefined;
  /** Stytch's id of the request that showed them. */
  requestId: string | undefined;
}

/** RFC 6749 appendix A.2, without the space: a secret fits on one line of a file. */
const acceptableSecret = /^[\x21-\x7E]+$/;

/**
 * The secrets of one M2M client at Stytch. An answer without the expected fields counts as no answer: then it is not
 * known whether the call had an effect.
 *
 * Every method throws StytchApiError or StytchUnavailableError.
 */
export class ClientSecrets {
  readonly #options: ClientSecretsOptions;
  readonly #context: unknown;

  /** @param context the tracing context of the rotation. */
  constructor(options: ClientSecretsOptions, context?: unknown) {
    this.#options = options;
    this.#context = context;
  }

  async show(): Promise<ShownSecrets> {
    return readShown(await this.#call('show', (client_id) => this.#clients.get({ client_id })));
  }

  /** @returns the next secret. Stytch shows it only once. */
  async start(): Promise<string> {
    const { m2m_client } = await this.#call('start', (client_id) =>
      this.#clients.secrets.rotateStart({ client_id }),
    );
    const { next_client_secret: secret } = (m2m_client ?? {}) as { next_client_secret?: unknown };
    if (typeof secret === 'string' && acceptableSecret.test(secret)) return secret;
    throw new StytchUnavailableError('Stytch answered without a usable next secret', false);
  }

  /** @param nextSecret the secret that is expected to remain. */
  async complete(nextSecret: string): Promise<void> {
    const isDone = ({ secret, next }: ShownSecrets) => secret === lastFour(nextSecret) && next === undefined;
    try {
      const answer = await this.#call('complete', (client_id) => this.#clients.secrets.rotate({ client_id }));
      if (isDone(readShown(answer))) return;
      throw new StytchUnavailableError(
        'Stytch shows other secrets than those of a completed rotation',
        false,
      );
    } catch (error) {
      // The answer may be lost or incomplete although the rotation is completed.
      const shown = await this.show().catch(() => undefined);
      if (!shown || !isDone(shown)) throw error;
    }
  }

  async cancel(): Promise<void> {
    const answer = await this.#call('cancel', (client_id) =>
      this.#clients.secrets.rotateCancel({ client_id }),
    );
    if (readShown(answer).next === undefined) return;
    throw new StytchUnavailableError('Stytch shows a next secret after it was cancelled', false);
  }

  /** Whether Stytch issues an access token for a secret. */
  async works(client_secret: string): Promise<boolean> {
    try {
      const answer = await this.#call('verify', (client_id) =>
        this.#options.client.m2m.token({ client_id, client_secret }),
      );
      const { access_token } = answer;
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

  /** @returns always an object. */
  async #call(
    step: RotationStepMessage['step'],
    call: (clientId: string) => Promise<unknown>,
  ): Promise<Record<string, unknown>> {
    const { clientId, timeoutMilliseconds = 5_000 } = this.#options;
    const answer = await traced(channels.rotationStep, { step, context: this.#context }, ({ context }) =>
      callStytch(() => call(clientId), timeoutMilliseconds, { context }),
    );
    return typeof answer === 'object' && answer !== null ? (answer as Record<string, unknown>) : {};
  }
}

export function lastFour(secret: string): string {
  return secret.slice(-4);
}

function readShown(answer: Record<string, unknown>): ShownSecrets {
  const client = (answer.m2m_client ?? {}) as Record<string, unknown>;
  const { client_secret_last_four: secret } = client;
  const next = client.next_client_secret_last_four ?? '';
  if (typeof secret !== 'string' || secret === '' || typeof next !== 'string') {
    throw new StytchUnavailableError('Stytch answered without the last characters of the secrets', false);
  }
  const requestId = typeof answer.request_id === 'string' ? answer.request_id : undefined;
  return { secret, next: next === '' ? undefined : next, requestId };
}

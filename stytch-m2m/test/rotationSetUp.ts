import {
  ClientCredentials,
  type RotationEvent,
  SecretRotation,
  type SecretRotationOptions,
  type SecretStore,
  SecretStoreError,
  type StoredSecrets,
} from '../src';
import { apiError, oauthError } from './stytchErrors';
import { tokenAnswer } from './accessTokensSetUp';

type Method = 'get' | 'rotateStart' | 'rotate' | 'rotateCancel' | 'token';

/** Stytch with one client, whose secrets it really rotates. `faults` stand in for the answer of a method. */
export class FakeStytch {
  secret = 'first-aaaa';
  next: string | null = null;
  readonly calls: string[] = [];
  readonly faults = new Map<Method, { before?: () => Promise<unknown>; after?: () => Promise<unknown> }>();
  readonly #nextSecrets = ['second-bbbb', 'third-cccc', 'fourth-dddd'];

  works(secret: string): boolean {
    return secret === this.secret || secret === this.next;
  }

  /** What has been called, without the client that every call names. */
  get methods(): string[] {
    return this.calls.map((call) => call.replace(/ client-1$/, ''));
  }

  readonly client = {
    m2m: {
      token: this.#method('token', ({ client_secret = '' }) => {
        if (!this.works(client_secret)) throw oauthError(400, 'invalid_client');
        return tokenAnswer('a-token');
      }),
      clients: {
        get: this.#method('get', () => this.#described()),
        secrets: {
          rotateStart: this.#method('rotateStart', () => {
            if (this.next !== null) throw apiError(400, 'm2m_client_already_rotating_secret');
            this.next = this.#nextSecrets.shift() ?? '';
            return this.#described({ next_client_secret: this.next });
          }),
          rotate: this.#method('rotate', () => {
            if (this.next === null) throw apiError(400, 'm2m_client_not_rotating_secret');
            this.secret = this.next;
            this.next = null;
            return this.#described();
          }),
          rotateCancel: this.#method('rotateCancel', () => {
            if (this.next === null) throw apiError(400, 'm2m_client_not_rotating_secret');
            this.next = null;
            return this.#described();
          }),
        },
      },
    },
  } as unknown as SecretRotationOptions['client'];

  #described(more: object = {}) {
    const m2m_client = {
      client_id: 'client-1',
      client_secret_last_four: this.secret.slice(-4),
      next_client_secret_last_four: this.next && this.next.slice(-4),
      ...more,
    };
    return { status_code: 200, m2m_client };
  }

  #method(name: Method, behave: (request: { client_secret?: string }) => object) {
    return async (request: { client_id: string; client_secret?: string }): Promise<unknown> => {
      this.calls.push(`${name} ${request.client_id}`);
      const { before, after } = this.faults.get(name) ?? {};
      if (before) return before();
      const answer = behave(request);
      return after ? after() : answer;
    };
  }
}

/** A store that several rotations may share, as processes share a file. */
export class FakeStore implements SecretStore {
  readonly persistent = true;
  readonly writes: StoredSecrets[] = [];
  locked = false;
  /** Which writes fail, by their number from 1. */
  failing: number[] = [];
  unreadable = false;
  unwritable = false;

  constructor(public content: StoredSecrets = { secret: 'first-aaaa' }) {}

  async read(): Promise<StoredSecrets> {
    if (this.unreadable) throw new SecretStoreError('The store cannot be read');
    return Promise.resolve(this.content);
  }

  async write(secrets: StoredSecrets): Promise<void> {
    this.writes.push(secrets);
    if (this.failing.includes(this.writes.length)) throw new SecretStoreError('The store cannot be written');
    this.content = secrets;
    return Promise.resolve();
  }

  async lock(): Promise<(() => Promise<void>) | undefined> {
    if (this.unwritable) throw new SecretStoreError('The store cannot be written');
    if (this.locked) return undefined;
    this.locked = true;
    return Promise.resolve(() => {
      this.locked = false;
      return Promise.resolve();
    });
  }

  watch(): () => void {
    return () => undefined;
  }
}

/** A process that rotates the client's secret: on a Stytch and a store of its own, unless it shares them. */
export async function startProcess({
  stytch = new FakeStytch(),
  store = new FakeStore(),
}: { stytch?: FakeStytch; store?: FakeStore } = {}) {
  const { credentials } = await ClientCredentials.follow('client-1', store);
  const events: RotationEvent[] = [];
  const steps: string[] = [];
  const rotation = new SecretRotation({
    client: stytch.client,
    credentials,
    store,
    onEvent: (event) => events.push(event),
    onStep: (step) => steps.push(step),
  });
  return { stytch, store, credentials, rotation, events, steps, types: () => events.map(({ type }) => type) };
}

import {
  ClientCredentials,
  type RotationEvent,
  SecretRotation,
  type SecretRotationOptions,
  type SecretStore,
  SecretStoreConflictError,
  SecretStoreError,
  type StoredSecrets,
  type StoredVersion,
} from '../src';
import { apiError, oauthError } from './stytchErrors';
import { tokenAnswer } from './accessTokensSetUp';

type Method = 'get' | 'rotateStart' | 'rotate' | 'rotateCancel' | 'token';

/** A fake Stytch with one client, whose secrets it rotates. `faults` replace the answer of a method. */
export class FakeStytch {
  secret = 'first-aaaa';
  next: string | null = null;
  /** Valid secrets that Stytch still refuses. */
  readonly refused = new Set<string>();
  readonly calls: string[] = [];
  steps: string[] = [];
  /** Called before and after each call, except token requests. */
  onStep: (step: string) => void = () => undefined;
  readonly faults = new Map<Method, { before?: () => Promise<unknown>; after?: () => Promise<unknown> }>();
  nextSecrets = ['second-bbbb', 'third-cccc', 'fourth-dddd'];

  works(secret: string): boolean {
    return secret === this.secret || secret === this.next;
  }

  /** The calls so far, without the client id. */
  get methods(): string[] {
    return this.calls.map((call) => call.replace(/ client-1$/, ''));
  }

  readonly client = {
    m2m: {
      token: this.#method('token', ({ client_secret = '' }) => {
        if (!this.works(client_secret) || this.refused.has(client_secret))
          throw oauthError(400, 'invalid_client');
        return tokenAnswer('a-token');
      }),
      clients: {
        get: this.#method('get', () => this.#described()),
        secrets: {
          rotateStart: this.#method('rotateStart', () => {
            if (this.next !== null) throw apiError(400, 'm2m_client_already_rotating_secret');
            this.next = this.nextSecrets.shift() ?? '';
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
      this.steps.push(name);
      if (name !== 'token') this.onStep(`before ${name}`);
      const { before, after } = this.faults.get(name) ?? {};
      if (before) return before();
      const answer = behave(request);
      if (name !== 'token') this.onStep(`after ${name}`);
      return after ? after() : answer;
    };
  }
}

/** A store that several rotations may share, as processes share a file. */
export class FakeStore implements SecretStore {
  readonly persistent = true;
  readonly writes: StoredSecrets[] = [];
  steps: string[] = [];
  /** Called before and after each write. */
  onStep: (step: string) => void = () => undefined;
  /** The writes that fail, numbered from 1. */
  failing: number[] = [];
  unreadable = false;
  unwritable = false;
  readonly #listeners = new Set<(secrets: StoredSecrets) => void>();
  #content: StoredSecrets;
  #version = 0;

  constructor(content: StoredSecrets = { secret: 'first-aaaa' }) {
    this.#content = content;
  }

  get content(): StoredSecrets {
    return this.#content;
  }

  /** A write by another process. Listeners are not called: a file store notices such a write at its next read. */
  set content(content: StoredSecrets) {
    this.#content = content;
    this.#version += 1;
  }

  async read(): Promise<StoredVersion> {
    if (this.unreadable) throw new SecretStoreError('The store cannot be read');
    return Promise.resolve({ secrets: this.#content, version: String(this.#version) });
  }

  async write(secrets: StoredSecrets, version: string): Promise<string> {
    this.writes.push(secrets);
    this.steps.push('write');
    this.onStep('before write');
    if (this.unwritable || this.failing.includes(this.writes.length)) {
      throw new SecretStoreError('The store cannot be written');
    }
    if (version !== String(this.#version)) throw new SecretStoreConflictError();
    this.content = secrets;
    for (const listener of this.#listeners) listener(secrets);
    this.onStep('after write');
    return Promise.resolve(String(this.#version));
  }

  watch(listener: (secrets: StoredSecrets) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** A process that rotates the client's secret. Pass `stytch` and `store` to share them between processes. */
export async function startProcess({
  stytch = new FakeStytch(),
  store = new FakeStore(),
}: { stytch?: FakeStytch; store?: FakeStore } = {}) {
  const { credentials } = await ClientCredentials.follow('client-1', store);
  const events: RotationEvent[] = [];
  const steps: string[] = [];
  stytch.steps = steps;
  store.steps = steps;
  const rotation = new SecretRotation({
    client: stytch.client,
    clientId: 'client-1',
    store,
    onEvent: (event) => events.push(event),
  });
  return { stytch, store, credentials, rotation, events, steps, types: () => events.map(({ type }) => type) };
}

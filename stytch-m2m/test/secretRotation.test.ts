import { inspect } from 'node:util';
import {
  ClientCredentials,
  RotationConflict,
  SecretRotation,
  type SecretRotationOptions,
  StytchRefused,
  StytchUnreachable,
} from '../src';
import { apiError, networkError } from './stytchErrors';
import { outcomeOf, pass, stopTheClock } from './timers';

beforeEach(stopTheClock);
afterEach(() => {
  jest.useRealTimers();
});

type Method = 'get' | 'rotateStart' | 'rotate' | 'rotateCancel';

/** Stytch with one client, whose secrets it really rotates. `faults` stand in for the answer of a method. */
class FakeStytch {
  secret = 'first-aaaa';
  next: string | null = null;
  readonly calls: string[] = [];
  readonly faults = new Map<Method, { before?: () => Promise<unknown>; after?: () => Promise<unknown> }>();
  readonly #nextSecrets = ['second-bbbb', 'third-cccc', 'fourth-dddd'];

  works(secret: string): boolean {
    return secret === this.secret || secret === this.next;
  }

  readonly client = {
    m2m: {
      clients: {
        get: this.#method('get', () => this.#described()),
        secrets: {
          rotateStart: this.#method('rotateStart', () => {
            if (this.next !== null) throw apiError(400, 'm2m_client_already_rotating_secret');
            this.next = this.#nextSecrets.shift() ?? '';
            return { ...this.#described(), next_client_secret: this.next };
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

  #described() {
    return { client_id: 'client-1', next_client_secret_last_four: this.next && this.next.slice(-4) };
  }

  #method(name: Method, behave: () => object) {
    return async ({ client_id }: { client_id: string }): Promise<unknown> => {
      this.calls.push(`${name} ${client_id}`);
      const { before, after } = this.faults.get(name) ?? {};
      if (before) return before();
      const m2m_client = behave();
      if (after) return after();
      return { status_code: 200, m2m_client };
    };
  }
}

function setUp({ secret = 'first-aaaa' } = {}) {
  const stytch = new FakeStytch();
  const credentials = new ClientCredentials('client-1', secret);
  const rotation = new SecretRotation({ client: stytch.client, credentials });
  return { stytch, credentials, rotation };
}

describe('a rotation', () => {
  test('When it starts, then the next secret is used at once, and it is told this once', async () => {
    const { stytch, credentials, rotation } = setUp();

    const next = await rotation.start();

    expect(next).toBe('second-bbbb');
    expect(credentials.secret).toBe('second-bbbb');
    expect(stytch.calls).toEqual(['rotateStart client-1']);
    expect(inspect(rotation, { depth: Infinity, showHidden: true })).not.toMatch(/aaaa|bbbb/);
  });

  test('When it is completed, then the secret in use is the one that works', async () => {
    const { stytch, credentials, rotation } = setUp();
    await rotation.start();

    await rotation.complete();

    expect(credentials.secret).toBe('second-bbbb');
    expect([stytch.works('first-aaaa'), stytch.works('second-bbbb')]).toEqual([false, true]);
  });

  test('When it is cancelled, then the credentials go back to the secret before', async () => {
    const { stytch, credentials, rotation } = setUp();
    await rotation.start();

    await rotation.cancel();

    expect(credentials.secret).toBe('first-aaaa');
    expect([stytch.works('first-aaaa'), stytch.works('second-bbbb')]).toEqual([true, false]);
  });

  test('When rotations follow each other, then each ends with a secret that works', async () => {
    const { stytch, credentials, rotation } = setUp();

    await rotation.start();
    await rotation.complete();
    await rotation.start();
    await rotation.cancel();
    const cancelled = credentials.secret;
    await rotation.start();
    await rotation.complete();

    expect(cancelled).toBe('second-bbbb');
    expect(credentials.secret).toBe('fourth-dddd');
    expect(stytch.works(credentials.secret)).toBe(true);
  });
});

describe('what Stytch refuses', () => {
  test('When a rotation is under way, then none starts and the credentials stay', async () => {
    const { credentials, rotation } = setUp();
    await rotation.start();

    await expect(rotation.start()).rejects.toMatchObject({ errorType: 'm2m_client_already_rotating_secret' });

    expect(credentials.secret).toBe('second-bbbb');
    await rotation.cancel();
    expect(credentials.secret).toBe('first-aaaa');
  });

  test.each(['complete', 'cancel'] as const)(
    'When none is under way, then %s is refused',
    async (operation) => {
      const { credentials, rotation } = setUp();

      await expect(rotation[operation]()).rejects.toBeInstanceOf(StytchRefused);

      expect(credentials.secret).toBe('first-aaaa');
    },
  );

  test('When another has completed the rotation, then cancelling leaves the secret that works', async () => {
    const { stytch, credentials, rotation } = setUp();
    await rotation.start();
    await stytch.client.m2m.clients.secrets.rotate({ client_id: 'elsewhere' });

    await expect(rotation.cancel()).rejects.toBeInstanceOf(StytchRefused);

    expect(stytch.works(credentials.secret)).toBe(true);
  });

  test('When another has completed it and begun the next, then cancelling that leaves the secret that works', async () => {
    const { stytch, credentials, rotation } = setUp();
    await rotation.start();
    await stytch.client.m2m.clients.secrets.rotate({ client_id: 'elsewhere' });
    await stytch.client.m2m.clients.secrets.rotateStart({ client_id: 'elsewhere' });

    await rotation.cancel();

    expect(credentials.secret).toBe('second-bbbb');
    expect(stytch.works(credentials.secret)).toBe(true);
  });
});

describe('after a restart in the middle of a rotation', () => {
  test('When the server came back with the old secret, then completing is a conflict and changes nothing', async () => {
    const { stytch, rotation } = setUp();
    stytch.next = 'second-bbbb';

    await expect(rotation.complete()).rejects.toBeInstanceOf(RotationConflict);
    await expect(rotation.complete()).rejects.toThrow('restart it with the next secret, or cancel');

    expect([stytch.secret, stytch.next]).toEqual(['first-aaaa', 'second-bbbb']);
  });

  test('When the server came back with the old secret, then cancelling works', async () => {
    const { stytch, credentials, rotation } = setUp();
    stytch.next = 'second-bbbb';

    await rotation.cancel();

    expect(stytch.next).toBeNull();
    expect(credentials.secret).toBe('first-aaaa');
  });

  test('When the server came back with the next secret, then completing works', async () => {
    const { stytch, credentials, rotation } = setUp({ secret: 'second-bbbb' });
    stytch.next = 'second-bbbb';

    await rotation.complete();

    expect(stytch.works(credentials.secret)).toBe(true);
  });

  test('When the server came back with the next secret, then cancelling is a conflict and changes nothing', async () => {
    const { stytch, rotation } = setUp({ secret: 'second-bbbb' });
    stytch.next = 'second-bbbb';

    await expect(rotation.cancel()).rejects.toBeInstanceOf(RotationConflict);

    expect(stytch.next).toBe('second-bbbb');
  });
});

describe('when the answer is lost', () => {
  const lost = { after: () => Promise.reject(networkError()) };

  test('When a start came through all the same, then cancelling and starting again recovers', async () => {
    const { stytch, credentials, rotation } = setUp();
    stytch.faults.set('rotateStart', lost);
    await expect(rotation.start()).rejects.toBeInstanceOf(StytchUnreachable);
    const meanwhile = stytch.works(credentials.secret);
    stytch.faults.clear();

    await rotation.cancel();
    const next = await rotation.start();

    expect(meanwhile).toBe(true);
    expect(credentials.secret).toBe(next);
    expect(stytch.works(next)).toBe(true);
  });

  test.each([
    ['came through all the same', lost],
    ['did not', { before: lost.after }],
  ])('When a completion %s, then the credentials work', async (_case, fault) => {
    const { stytch, credentials, rotation } = setUp();
    await rotation.start();
    stytch.faults.set('rotate', fault);

    await expect(rotation.complete()).rejects.toBeInstanceOf(StytchUnreachable);

    expect(stytch.works(credentials.secret)).toBe(true);
  });

  test.each([
    ['came through all the same', lost],
    ['did not', { before: lost.after }],
  ])('When a cancellation %s, then the credentials work, and go on to', async (_case, fault) => {
    const { stytch, credentials, rotation } = setUp();
    await rotation.start();
    stytch.faults.set('rotateCancel', fault);
    await expect(rotation.cancel()).rejects.toBeInstanceOf(StytchUnreachable);
    const meanwhile = stytch.works(credentials.secret);
    stytch.faults.clear();

    await rotation.cancel().catch(() => undefined);

    expect(meanwhile).toBe(true);
    expect(stytch.next).toBeNull();
    expect(credentials.secret).toBe('first-aaaa');
    expect(stytch.works(credentials.secret)).toBe(true);
  });

  test('When Stytch hangs, then the call ends at its deadline', async () => {
    const { stytch, rotation } = setUp();
    stytch.faults.set('get', { before: () => new Promise(() => undefined) });
    const call = outcomeOf(rotation.complete());

    await pass(4_999);
    const before = call.now;
    await pass(1);

    expect(before).toBe('pending');
    expect(call.now).toMatchObject({ timedOut: true });
  });
});

describe('an answer that is none', () => {
  test.each([
    [null],
    [{}],
    [{ m2m_client: {} }],
    [{ m2m_client: { next_client_secret: '' } }],
    [{ m2m_client: { next_client_secret: 7 } }],
  ])('When Stytch answers a start with %j, then the credentials stay', async (answer) => {
    const { stytch, credentials, rotation } = setUp();
    stytch.faults.set('rotateStart', { after: () => Promise.resolve(answer) });

    await expect(rotation.start()).rejects.toBeInstanceOf(StytchUnreachable);

    expect(credentials.secret).toBe('first-aaaa');
    expect(credentials.generation).toBe(0);
  });

  test.each(['complete', 'cancel'] as const)(
    'When Stytch describes no client, then %s changes nothing',
    async (op) => {
      const { stytch, credentials, rotation } = setUp();
      await rotation.start();
      stytch.faults.set('get', { before: () => Promise.resolve({}) });

      await expect(rotation[op]()).rejects.toBeInstanceOf(StytchUnreachable);

      expect(credentials.secret).toBe('second-bbbb');
      expect(stytch.next).toBe('second-bbbb');
    },
  );
});

import { inspect } from 'node:util';
import {
  ClientCredentials,
  RotationConflict,
  SecretRotation,
  SecretStoreError,
  StytchRefused,
  StytchUnreachable,
} from '../src';
import { FakeStore, FakeStytch, startProcess } from './rotationSetUp';
import { apiError, networkError, oauthError } from './stytchErrors';
import { outcomeOf, pass, settle, startOfTest, stopTheClock } from './timers';

beforeEach(stopTheClock);
afterEach(() => {
  jest.useRealTimers();
});

const now = new Date(startOfTest);

/** A rotation of a secret that nothing but memory keeps. */
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

  test('When it is done in one go, then the next secret is stored and proved before the old one ends', async () => {
    const { rotation, credentials, steps, store, stytch, types } = await startProcess();

    const secret = await rotation.rotate();

    expect(secret).toBe('second-bbbb');
    expect(steps).toEqual([
      ...['write', 'written', 'call rotateStart', 'called rotateStart', 'write', 'written'],
      ...['call token', 'called token', 'call rotate', 'called rotate', 'write', 'written'],
    ]);
    expect(store.writes).toEqual([
      { secret: 'first-aaaa', rotationStartedAt: now, unattended: true },
      { secret: 'first-aaaa', nextSecret: 'second-bbbb', rotationStartedAt: now, unattended: true },
      { secret: 'second-bbbb', lastRotatedAt: now },
    ]);
    expect(types()).toEqual(['started', 'completed']);
    expect([credentials.secret, stytch.secret, store.locked]).toEqual(['second-bbbb', 'second-bbbb', false]);
  });

  test('When it is started by hand, then what is stored says that somebody waits to complete it', async () => {
    const { rotation, store } = await startProcess();

    await rotation.start();

    expect(store.content).toEqual({
      secret: 'first-aaaa',
      nextSecret: 'second-bbbb',
      rotationStartedAt: now,
      unattended: false,
    });
  });

  test('When it is cancelled, then the time of the last one stays', async () => {
    const lastRotatedAt = new Date(0);
    const { rotation, store } = await startProcess({
      store: new FakeStore({ secret: 'first-aaaa', lastRotatedAt }),
    });
    await rotation.start();

    await rotation.cancel();

    expect(store.content).toEqual({ secret: 'first-aaaa', lastRotatedAt });
  });

  test('When its status is asked for, then it tells the last four characters and the times, and no secret', async () => {
    const { rotation } = await startProcess();
    const before = await rotation.status();
    await rotation.start();
    const started = await rotation.status();
    await pass(1_000);
    await rotation.complete();
    const after = await rotation.status();

    expect(before).toEqual({ status: 'none', lastRotatedAt: undefined });
    expect(started).toEqual({
      status: 'started',
      startedAt: now,
      secretLastFour: 'aaaa',
      nextSecretLastFour: 'bbbb',
      lastRotatedAt: undefined,
    });
    expect(after).toEqual({ status: 'none', lastRotatedAt: new Date(startOfTest + 1_000) });
  });

  test('When a hook fails, then the rotation goes on', async () => {
    const stytch = new FakeStytch();
    const credentials = new ClientCredentials('client-1', 'first-aaaa');
    const onEvent = () => {
      throw new Error('the hook');
    };
    const rotation = new SecretRotation({ client: stytch.client, credentials, onEvent });

    await expect(rotation.rotate()).resolves.toBe('second-bbbb');
  });
});

describe('a rotation that may not be', () => {
  test('When one is under way, then none starts and the credentials stay', async () => {
    const { stytch, credentials, rotation } = setUp();
    await rotation.start();

    await expect(rotation.start()).rejects.toBeInstanceOf(RotationConflict);
    await expect(rotation.rotate()).rejects.toThrow('A rotation is under way: complete or cancel it first');

    expect(credentials.secret).toBe('second-bbbb');
    expect([stytch.secret, stytch.next]).toEqual(['first-aaaa', 'second-bbbb']);
    await rotation.cancel();
    expect(credentials.secret).toBe('first-aaaa');
  });

  test.each(['start', 'complete', 'cancel', 'rotate'] as const)(
    'When another is at work in this process, then %s is a conflict and asks Stytch nothing',
    async (operation) => {
      const { rotation, stytch, events } = await startProcess();
      stytch.faults.set('rotateStart', { before: () => new Promise(() => undefined) });
      const first = outcomeOf(rotation.rotate());
      await settle();

      await expect(rotation[operation]()).rejects.toThrow(
        'A rotation is at work: try again when it has ended',
      );

      expect(stytch.methods).toEqual(['rotateStart']);
      expect(events).toEqual([]);
      expect(first.now).toBe('pending');
    },
  );

  test('When two start at the same moment, then one of them is a conflict', async () => {
    const { rotation, stytch } = await startProcess();

    const [first, second] = await Promise.allSettled([rotation.rotate(), rotation.rotate()]);

    expect(first).toEqual({ status: 'fulfilled', value: 'second-bbbb' });
    expect(second).toMatchObject({ status: 'rejected', reason: expect.any(RotationConflict) as unknown });
    expect(stytch.methods.filter((method) => method === 'rotateStart')).toHaveLength(1);
  });

  test('When another process is at work, then each operation is a conflict that changes nothing', async () => {
    const { rotation, stytch, store } = await startProcess();
    store.locked = true;

    for (const operation of ['start', 'complete', 'cancel', 'rotate'] as const) {
      await expect(rotation[operation]()).rejects.toBeInstanceOf(RotationConflict);
    }

    expect([stytch.calls, store.writes, store.locked]).toEqual([[], [], true]);
    store.locked = false;
    await expect(rotation.rotate()).resolves.toBe('second-bbbb');
  });

  test('When another process started one by hand, then this one neither starts nor rotates, but may complete', async () => {
    const one = await startProcess();
    await one.rotation.start();
    const other = await startProcess(one);

    await expect(other.rotation.start()).rejects.toBeInstanceOf(RotationConflict);
    await expect(other.rotation.rotate()).rejects.toBeInstanceOf(RotationConflict);
    await other.rotation.complete();

    expect(one.store.content).toMatchObject({ secret: 'second-bbbb' });
    await expect(one.rotation.complete()).rejects.toMatchObject({
      errorType: 'm2m_client_not_rotating_secret',
    });
  });
});

describe('what Stytch refuses', () => {
  test.each(['complete', 'cancel'] as const)(
    'When none is under way, then %s is refused',
    async (operation) => {
      const { credentials, rotation, store, events } = await startProcess();

      await expect(rotation[operation]()).rejects.toBeInstanceOf(StytchRefused);
      await expect(rotation[operation]()).rejects.toMatchObject({
        errorType: 'm2m_client_not_rotating_secret',
      });

      expect(credentials.secret).toBe('first-aaaa');
      expect([store.writes, events]).toEqual([[], []]);
    },
  );

  test('When Stytch refuses a start, then what is stored is as before', async () => {
    const { credentials, rotation, store, stytch, types } = await startProcess();
    stytch.faults.set('rotateStart', { before: () => Promise.reject(apiError(404, 'm2m_client_not_found')) });

    await expect(rotation.start()).rejects.toMatchObject({ errorType: 'm2m_client_not_found' });

    expect(store.content).toEqual({ secret: 'first-aaaa' });
    expect(credentials.secret).toBe('first-aaaa');
    expect(types()).toEqual(['failed']);
  });

  test('When Stytch fails at a start, which may have come through, then what is stored says so', async () => {
    const { rotation, store, stytch } = await startProcess();
    stytch.faults.set('rotateStart', {
      after: () => Promise.reject(apiError(500, 'internal_server_error')),
    });

    await expect(rotation.rotate()).rejects.toMatchObject({ status: 500 });
    stytch.faults.clear();
    const orphan = stytch.next;
    await rotation.recover();

    expect(orphan).toBe('second-bbbb');
    expect(stytch.next).toBeNull();
    expect(store.content).toEqual({ secret: 'first-aaaa' });
  });

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

  test('When a rotation is under way that nobody here knows of, then it is cancelled and started again', async () => {
    const { stytch, credentials, rotation } = await startProcess();
    await stytch.client.m2m.clients.secrets.rotateStart({ client_id: 'elsewhere' });

    await expect(rotation.rotate()).resolves.toBe('third-cccc');

    expect([stytch.secret, stytch.next, credentials.secret]).toEqual(['third-cccc', null, 'third-cccc']);
  });

  test('When the next secret is not accepted in one go, then the rotation is cancelled', async () => {
    const { stytch, credentials, rotation, store, types } = await startProcess();
    stytch.faults.set('token', { before: () => Promise.reject(oauthError(400, 'invalid_client')) });

    await expect(rotation.rotate()).rejects.toThrow(
      'Stytch does not accept the next secret: the rotation was cancelled',
    );

    expect([stytch.secret, stytch.next, credentials.secret]).toEqual(['first-aaaa', null, 'first-aaaa']);
    expect(store.content).toEqual({ secret: 'first-aaaa' });
    expect(types()).toEqual(['started', 'failed', 'cancelled']);
  });

  test('When the next secret is not accepted at a completion, then nothing changes', async () => {
    const { stytch, rotation, store } = await startProcess();
    await rotation.start();
    const before = store.content;
    stytch.faults.set('token', { before: () => Promise.reject(oauthError(400, 'invalid_client')) });

    await expect(rotation.complete()).rejects.toThrow('not accept the next secret: cancel the rotation');

    expect([stytch.secret, stytch.next]).toEqual(['first-aaaa', 'second-bbbb']);
    expect(store.content).toEqual(before);
  });

  test('When the token fails for another reason, then the rotation stays under way and a second try ends it', async () => {
    const { stytch, rotation, store, types } = await startProcess();
    stytch.faults.set('token', { before: () => Promise.reject(oauthError(500, 'internal_server_error')) });

    await expect(rotation.rotate()).rejects.toMatchObject({ status: 500 });
    const left = store.content;
    stytch.faults.clear();
    await rotation.rotate();

    expect(left).toMatchObject({ secret: 'first-aaaa', nextSecret: 'second-bbbb', unattended: true });
    expect(store.content).toEqual({ secret: 'second-bbbb', lastRotatedAt: now });
    expect(types()).toEqual(['started', 'failed', 'completed']);
  });
});

describe('after a restart in the middle of a rotation, with a secret from the environment', () => {
  test('When the server came back with the old secret, then completing is a conflict and changes nothing', async () => {
    const { stytch, rotation } = setUp();
    stytch.next = 'second-bbbb';

    await expect(rotation.complete()).rejects.toBeInstanceOf(RotationConflict);
    await expect(rotation.complete()).rejects.toThrow('cancel the rotation, or restart with the next secret');

    expect([stytch.secret, stytch.next]).toEqual(['first-aaaa', 'second-bbbb']);
  });

  test('When the server came back with the old secret, then cancelling works', async () => {
    const { stytch, credentials, rotation } = setUp();
    stytch.next = 'second-bbbb';

    await rotation.cancel();

    expect(stytch.next).toBeNull();
    expect(credentials.secret).toBe('first-aaaa');
  });

  test('When it came back with a secret that only ends like the next one, then completing is a conflict', async () => {
    const { stytch, rotation } = setUp({ secret: 'mistyped-bbbb' });
    stytch.next = 'second-bbbb';
    stytch.faults.set('token', { before: () => Promise.reject(oauthError(400, 'invalid_client')) });

    await expect(rotation.complete()).rejects.toThrow(
      'Stytch does not accept the next secret: cancel the rotation',
    );

    expect([stytch.secret, stytch.next]).toEqual(['first-aaaa', 'second-bbbb']);
  });

  test('When the server came back with the next secret, then completing works', async () => {
    const { stytch, credentials, rotation } = setUp({ secret: 'second-bbbb' });
    stytch.next = 'second-bbbb';

    await rotation.complete();

    expect(stytch.works(credentials.secret)).toBe(true);
    expect([stytch.secret, stytch.next]).toEqual(['second-bbbb', null]);
  });

  test('When the server came back with the next secret, then cancelling is a conflict and changes nothing', async () => {
    const { stytch, rotation } = setUp({ secret: 'second-bbbb' });
    stytch.next = 'second-bbbb';

    await expect(rotation.cancel()).rejects.toBeInstanceOf(RotationConflict);

    expect(stytch.next).toBe('second-bbbb');
  });

  test.each(['start', 'rotate'] as const)(
    'When the server came back with the next secret, then %s does not throw it away',
    async (operation) => {
      const { stytch, rotation } = setUp({ secret: 'second-bbbb' });
      stytch.next = 'second-bbbb';

      await expect(rotation[operation]()).rejects.toBeInstanceOf(RotationConflict);

      expect([stytch.secret, stytch.next]).toEqual(['first-aaaa', 'second-bbbb']);
    },
  );
});

describe('what a restart finds in the store', () => {
  const started = { secret: 'first-aaaa', rotationStartedAt: now };
  const both = { ...started, nextSecret: 'second-bbbb' };

  async function restart(content: ConstructorParameters<typeof FakeStore>[0], at: [string, string | null]) {
    const stytch = new FakeStytch();
    [stytch.secret, stytch.next] = at;
    return startProcess({ stytch, store: new FakeStore(content) });
  }

  test.each([
    {
      found: 'no rotation',
      content: { secret: 'first-aaaa' },
      at: ['first-aaaa', null],
      then: { secret: 'first-aaaa' },
      by: [],
    },
    {
      found: 'a start that nobody got the answer of',
      content: started,
      at: ['first-aaaa', 'second-bbbb'],
      then: { secret: 'first-aaaa' },
      by: ['get', 'rotateCancel'],
    },
    {
      found: 'a start that did not come through',
      content: started,
      at: ['first-aaaa', null],
      then: { secret: 'first-aaaa' },
      by: ['get'],
    },
    {
      found: 'a rotation in one go',
      content: { ...both, unattended: true },
      at: ['first-aaaa', 'second-bbbb'],
      then: { secret: 'second-bbbb', lastRotatedAt: now },
      by: ['get', 'token', 'rotate'],
    },
    {
      found: 'a rotation by hand',
      content: both,
      at: ['first-aaaa', 'second-bbbb'],
      then: both,
      by: ['get'],
    },
    {
      found: 'a rotation that was completed',
      content: both,
      at: ['second-bbbb', null],
      then: { secret: 'second-bbbb', lastRotatedAt: now },
      by: ['get'],
    },
    {
      found: 'a rotation that was cancelled',
      content: both,
      at: ['first-aaaa', null],
      then: { secret: 'first-aaaa' },
      by: ['get'],
    },
    {
      found: 'a rotation that was cancelled while another was started',
      content: both,
      at: ['first-aaaa', 'third-cccc'],
      then: { secret: 'first-aaaa' },
      by: ['get'],
    },
  ] as const)('When it is $found, then recovery ends it as it should', async ({ content, at, then, by }) => {
    const { rotation, store, stytch, credentials } = await restart(content, [...at]);

    await rotation.recover();

    expect(store.content).toEqual(then);
    expect(stytch.methods).toEqual(by);
    expect(stytch.works(credentials.secret)).toBe(true);
    expect(stytch.works(store.content.secret)).toBe(true);
  });

  test('When there is nothing to recover, then nothing needs to be writable', async () => {
    const { rotation, store, stytch } = await startProcess();
    store.unwritable = true;

    await rotation.recover();

    expect(stytch.calls).toEqual([]);
  });

  test('When Stytch cannot be reached, then nothing changes, and a later recovery succeeds', async () => {
    const { rotation, store, stytch, types } = await restart({ ...both, unattended: true }, [
      'first-aaaa',
      'second-bbbb',
    ]);
    stytch.faults.set('get', { before: () => Promise.reject(networkError()) });

    await expect(rotation.recover()).rejects.toBeInstanceOf(StytchUnreachable);
    const meanwhile = store.content;
    stytch.faults.clear();
    await rotation.recover();

    expect(meanwhile).toEqual({ ...both, unattended: true });
    expect(store.content).toEqual({ secret: 'second-bbbb', lastRotatedAt: now });
    expect(types()).toEqual(['failed', 'completed']);
  });

  test.each([{ m2m_client: {} }, {}, null, { m2m_client: { client_secret_last_four: '' } }])(
    'When Stytch describes the client as %j, then no secret is thrown away',
    async (answer) => {
      const { rotation, store, stytch } = await restart({ ...both, unattended: true }, ['second-bbbb', null]);
      stytch.faults.set('get', { before: () => Promise.resolve(answer) });

      await expect(rotation.recover()).rejects.toBeInstanceOf(StytchUnreachable);

      expect(store.content).toEqual({ ...both, unattended: true });
    },
  );
});

describe('when the answer is lost', () => {
  const lost = { after: () => Promise.reject(networkError()) };
  const unsent = { before: () => Promise.reject(networkError()) };

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

  test.each(['start', 'rotate'] as const)(
    'When a start came through all the same, then %s begins anew',
    async (operation) => {
      const { stytch, rotation, credentials } = await startProcess();
      stytch.faults.set('rotateStart', lost);
      await expect(rotation[operation]()).rejects.toBeInstanceOf(StytchUnreachable);
      stytch.faults.clear();

      await expect(rotation[operation]()).resolves.toBe('third-cccc');

      expect(credentials.secret).toBe('third-cccc');
    },
  );

  test('When a completion came through all the same, then it is completed', async () => {
    const { stytch, credentials, rotation } = setUp();
    await rotation.start();
    stytch.faults.set('rotate', lost);

    await rotation.complete();

    expect(stytch.secret).toBe('second-bbbb');
    expect(stytch.works(credentials.secret)).toBe(true);
  });

  test('When a completion came through and nothing can be asked any more, then the next try says so', async () => {
    const { stytch, credentials, rotation, store } = await startProcess();
    await rotation.start();
    stytch.faults.set('rotate', {
      after: () => {
        stytch.faults.set('get', unsent);
        return Promise.reject(networkError());
      },
    });

    await expect(rotation.complete()).rejects.toBeInstanceOf(StytchUnreachable);
    const meanwhile = stytch.works(credentials.secret);
    stytch.faults.clear();
    await rotation.complete();

    expect(meanwhile).toBe(true);
    expect(store.content).toEqual({ secret: 'second-bbbb', lastRotatedAt: now });
  });

  test('When a rotation in one go was completed but not stored, then the next try stores it and does not rotate again', async () => {
    const { stytch, rotation, store } = await startProcess();
    store.failing = [3];
    await expect(rotation.rotate()).rejects.toBeInstanceOf(SecretStoreError);

    await expect(rotation.rotate()).resolves.toBe('second-bbbb');

    expect(stytch.secret).toBe('second-bbbb');
    expect(store.content).toEqual({ secret: 'second-bbbb', lastRotatedAt: now });
  });

  test('When a completion did not come through, then the credentials work', async () => {
    const { stytch, credentials, rotation } = setUp();
    await rotation.start();
    stytch.faults.set('rotate', unsent);

    await expect(rotation.complete()).rejects.toBeInstanceOf(StytchUnreachable);

    expect(stytch.works(credentials.secret)).toBe(true);
    expect(stytch.next).toBe('second-bbbb');
  });

  test.each([
    ['came through all the same', lost],
    ['did not', unsent],
  ])('When a cancellation %s, then a second one succeeds and the credentials work', async (_case, fault) => {
    const { stytch, credentials, rotation } = setUp();
    await rotation.start();
    stytch.faults.set('rotateCancel', fault);
    await expect(rotation.cancel()).rejects.toBeInstanceOf(StytchUnreachable);
    const meanwhile = stytch.works(credentials.secret);
    stytch.faults.clear();

    await rotation.cancel();

    expect(meanwhile).toBe(true);
    expect(stytch.next).toBeNull();
    expect(credentials.secret).toBe('first-aaaa');
    expect(stytch.works(credentials.secret)).toBe(true);
  });

  test('When a cancellation failed and the rotation is completed instead, then no moment is without a working secret', async () => {
    const { stytch, credentials, rotation } = setUp();
    await rotation.start();
    stytch.faults.set('rotateCancel', unsent);
    await expect(rotation.cancel()).rejects.toBeInstanceOf(StytchUnreachable);
    let worked = false;
    stytch.faults.set('rotate', {
      after: () => {
        worked = stytch.works(credentials.secret);
        return Promise.resolve({});
      },
    });

    await rotation.complete();

    expect(worked).toBe(true);
    expect(credentials.secret).toBe('second-bbbb');
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

describe('when the store fails', () => {
  test('When it cannot be written, then no operation asks Stytch anything, and each failure is told', async () => {
    const { stytch, rotation, store, types } = await startProcess();
    store.unwritable = true;

    for (const operation of ['start', 'complete', 'cancel', 'rotate'] as const) {
      await expect(rotation[operation]()).rejects.toBeInstanceOf(SecretStoreError);
    }

    expect(stytch.calls).toEqual([]);
    expect(types()).toEqual(['failed', 'failed', 'failed', 'failed']);
  });

  test('When it cannot be read, then Stytch is asked nothing and the secret in use stays', async () => {
    const { stytch, credentials, rotation, store } = await startProcess();
    store.unreadable = true;

    await expect(rotation.start()).rejects.toBeInstanceOf(SecretStoreError);
    await expect(rotation.status()).rejects.toBeInstanceOf(SecretStoreError);
    await expect(rotation.recover()).rejects.toBeInstanceOf(SecretStoreError);

    expect(stytch.calls).toEqual([]);
    expect(credentials.secret).toBe('first-aaaa');
  });

  test('When the first write fails, then Stytch is asked nothing', async () => {
    const { stytch, rotation, store } = await startProcess();
    store.failing = [1];

    await expect(rotation.rotate()).rejects.toBeInstanceOf(SecretStoreError);

    expect(stytch.calls).toEqual([]);
    expect(store.content).toEqual({ secret: 'first-aaaa' });
  });

  test('When the next secret cannot be stored, then the rotation is cancelled at Stytch', async () => {
    const { stytch, credentials, rotation, store } = await startProcess();
    store.failing = [2];

    await expect(rotation.rotate()).rejects.toBeInstanceOf(SecretStoreError);
    const meanwhile = [stytch.next, credentials.secret];
    await rotation.recover();

    expect(meanwhile).toEqual([null, 'first-aaaa']);
    expect(store.content).toEqual({ secret: 'first-aaaa' });
  });

  test('When the outcome cannot be stored, then the credentials work and recovery stores it', async () => {
    const { stytch, credentials, rotation, store } = await startProcess();
    store.failing = [3];

    await expect(rotation.rotate()).rejects.toBeInstanceOf(SecretStoreError);
    const meanwhile = stytch.works(credentials.secret);
    await rotation.recover();

    expect(meanwhile).toBe(true);
    expect(store.content).toEqual({ secret: 'second-bbbb', lastRotatedAt: now });
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
    stytch.faults.clear();
    await expect(rotation.start()).resolves.toBe('third-cccc');
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

import { inspect } from 'node:util';
import {
  ClientCredentials,
  MemorySecretStore,
  RotationConflictError,
  SecretRotation,
  SecretStoreError,
  StytchApiError,
  StytchUnavailableError,
} from '../src';
import { thisProcess } from '../src/rotation/processIdentity';
import { tokenAnswer } from './accessTokensSetUp';
import { FakeStore, FakeStytch, startProcess } from './rotationSetUp';
import { apiError, networkError, oauthError } from './stytchErrors';
import { outcomeOf, pass, flushPromises, setWallClock, startOfTest, stopTheClock } from './timers';

beforeEach(stopTheClock);
afterEach(() => {
  jest.useRealTimers();
});

const now = new Date(startOfTest);
const holder = thisProcess();
/** A process on another machine. */
const elsewhere = 'elsewhere/pid:[1]/7/another';

/** A rotation of a secret that is stored in memory only. */
async function setUp({ secret = 'first-aaaa' } = {}) {
  const stytch = new FakeStytch();
  const store = new MemorySecretStore(secret);
  const { credentials } = await ClientCredentials.follow('client-1', store);
  const rotation = new SecretRotation({ client: stytch.client, clientId: 'client-1', store });
  return { stytch, credentials, rotation };
}

describe('a rotation', () => {
  test('When a rotation starts, then it returns the next secret and the credentials use it at once', async () => {
    const { stytch, credentials, rotation } = await setUp();

    const next = await rotation.start();

    expect(next).toBe('second-bbbb');
    expect(credentials.secret).toBe('second-bbbb');
    expect(stytch.calls).toEqual(['rotateStart client-1']);
    expect(inspect(rotation, { depth: Infinity, showHidden: true })).not.toMatch(/aaaa|bbbb/);
  });

  test('When a rotation is completed, then only the next secret works and the credentials use it', async () => {
    const { stytch, credentials, rotation } = await setUp();
    await rotation.start();

    await rotation.complete();

    expect(credentials.secret).toBe('second-bbbb');
    expect([stytch.works('first-aaaa'), stytch.works('second-bbbb')]).toEqual([false, true]);
  });

  test('When a rotation is cancelled, then the credentials use the old secret again', async () => {
    const { stytch, credentials, rotation } = await setUp();
    await rotation.start();

    await rotation.cancel();

    expect(credentials.secret).toBe('first-aaaa');
    expect([stytch.works('first-aaaa'), stytch.works('second-bbbb')]).toEqual([true, false]);
  });

  test('When rotations follow each other, then each ends with a working secret', async () => {
    const { stytch, credentials, rotation } = await setUp();

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

  test('When rotate runs, then it stores and verifies the next secret before the old one stops working', async () => {
    const { rotation, credentials, steps, store, stytch, types } = await startProcess();

    const secret = await rotation.rotate();

    expect(secret).toBe('second-bbbb');
    expect(steps).toEqual(['write', 'rotateStart', 'write', 'token', 'rotate', 'write']);
    const rotating = { startedAt: now, automatic: true, holder };
    expect(store.writes).toEqual([
      { secret: 'first-aaaa', rotation: rotating },
      { secret: 'first-aaaa', rotation: { ...rotating, nextSecret: 'second-bbbb' } },
      { secret: 'second-bbbb', lastRotatedAt: now },
    ]);
    expect(types()).toEqual(['started', 'completed']);
    expect([credentials.secret, stytch.secret]).toEqual(['second-bbbb', 'second-bbbb']);
  });

  test('When a rotation is started by hand, then it is not stored as automatic', async () => {
    const { rotation, store } = await startProcess();

    await rotation.start();

    expect(store.content).toEqual({
      secret: 'first-aaaa',
      rotation: { startedAt: now, nextSecret: 'second-bbbb', automatic: false },
    });
  });

  test('When a rotation is cancelled, then the time of the last rotation stays', async () => {
    const lastRotatedAt = new Date(0);
    const { rotation, store } = await startProcess({
      store: new FakeStore({ secret: 'first-aaaa', lastRotatedAt }),
    });
    await rotation.start();

    await rotation.cancel();

    expect(store.content).toEqual({ secret: 'first-aaaa', lastRotatedAt });
  });

  test('When the status is requested, then it has the times and the last four characters, but no secret', async () => {
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

  test('When the onEvent hook throws, then the rotation still completes', async () => {
    const { client } = new FakeStytch();
    const onEvent = () => {
      throw new Error('the hook');
    };
    const rotation = new SecretRotation({ client, clientId: 'client-1', store: new FakeStore(), onEvent });

    await expect(rotation.rotate()).resolves.toBe('second-bbbb');
  });
});

describe('a conflict', () => {
  test('When a rotation is in progress, then no other starts and the credentials do not change', async () => {
    const { stytch, credentials, rotation } = await setUp();
    await rotation.start();

    await expect(rotation.start()).rejects.toBeInstanceOf(RotationConflictError);
    await expect(rotation.rotate()).rejects.toThrow('A rotation is under way: complete or cancel it first');

    expect(credentials.secret).toBe('second-bbbb');
    expect([stytch.secret, stytch.next]).toEqual(['first-aaaa', 'second-bbbb']);
    await rotation.cancel();
    expect(credentials.secret).toBe('first-aaaa');
  });

  test.each(['start', 'complete', 'cancel', 'rotate'] as const)(
    'When another operation runs in this process, then %s is a conflict and does not call Stytch',
    async (operation) => {
      const { rotation, stytch, events } = await startProcess();
      stytch.faults.set('rotateStart', { before: () => new Promise(() => undefined) });
      const first = outcomeOf(rotation.rotate());
      await flushPromises();

      await expect(rotation[operation]()).rejects.toThrow(
        'A rotation is running: try again when it has ended',
      );

      expect(stytch.methods).toEqual(['rotateStart']);
      expect(events).toEqual([]);
      expect(first.now).toBe('pending');
    },
  );

  test('When two rotations start at the same moment, then one of them is a conflict', async () => {
    const { rotation, stytch } = await startProcess();

    const [first, second] = await Promise.allSettled([rotation.rotate(), rotation.rotate()]);

    expect(first).toEqual({ status: 'fulfilled', value: 'second-bbbb' });
    expect(second).toMatchObject({
      status: 'rejected',
      reason: expect.any(RotationConflictError) as unknown,
    });
    expect(stytch.methods.filter((method) => method === 'rotateStart')).toHaveLength(1);
  });

  const heldBy = (holder: string) => ({
    secret: 'first-aaaa',
    rotation: { startedAt: now, nextSecret: 'second-bbbb', automatic: true, holder },
  });
  const twoMinutes = 120_000;

  test('When another process rotates, then each operation is a conflict and changes nothing', async () => {
    const { rotation, stytch, store } = await startProcess({ store: new FakeStore(heldBy(elsewhere)) });

    for (const operation of ['start', 'complete', 'cancel', 'rotate'] as const) {
      await expect(rotation[operation]()).rejects.toThrow(
        'A rotation is running: try again when it has ended',
      );
    }
    await rotation.recover();

    expect([stytch.calls, store.writes]).toEqual([[], []]);
  });

  test('When the other process has changed nothing for two minutes, then this one takes over', async () => {
    const { rotation, stytch, store } = await startProcess({ store: new FakeStore(heldBy(elsewhere)) });
    stytch.next = 'second-bbbb';
    await rotation.recover();
    await pass(twoMinutes - 1);
    await rotation.recover();
    const before = store.writes.length;

    await pass(1);
    await rotation.recover();

    expect(before).toBe(0);
    expect(store.content).toMatchObject({ secret: 'second-bbbb' });
  });

  test('When the other process changes something, then the two minutes start again', async () => {
    const { rotation, store } = await startProcess({ store: new FakeStore(heldBy(elsewhere)) });
    await expect(rotation.rotate()).rejects.toBeInstanceOf(RotationConflictError);
    await pass(twoMinutes - 1);
    store.content = { ...store.content, lastRotatedAt: now };

    await pass(twoMinutes - 1);

    await expect(rotation.rotate()).rejects.toBeInstanceOf(RotationConflictError);
  });

  test('When the wall clock jumps by hours, then this process does not take over', async () => {
    const { rotation, store } = await startProcess({ store: new FakeStore(heldBy(elsewhere)) });

    for (const jump of [7_200_000, -14_400_000]) {
      await expect(rotation.rotate()).rejects.toBeInstanceOf(RotationConflictError);
      setWallClock(jump);
    }

    await expect(rotation.rotate()).rejects.toBeInstanceOf(RotationConflictError);
    expect(store.writes).toEqual([]);
  });

  test('When the other process was an earlier one with this process id, then this one takes over at once', async () => {
    const predecessor = holder.replace(/[^/]*$/, 'another');
    const { rotation, stytch } = await startProcess({ store: new FakeStore(heldBy(predecessor)) });
    stytch.next = 'second-bbbb';

    await expect(rotation.rotate()).resolves.toBe('second-bbbb');
  });

  test('When a suspended process continues after another took over, then it changes nothing', async () => {
    const suspended = await startProcess();
    let wake: () => void = () => undefined;
    suspended.stytch.faults.set('token', {
      after: async () => {
        await new Promise<void>((resolve) => (wake = resolve));
        return tokenAnswer('a-token');
      },
    });
    const first = outcomeOf(suspended.rotation.rotate());
    await flushPromises();
    suspended.stytch.faults.clear();
    const { store, stytch } = suspended;
    store.content = { ...store.content, rotation: { ...store.content.rotation!, holder: elsewhere } };
    const other = await startProcess({ store, stytch });
    await other.rotation.recover();
    await jest.advanceTimersByTimeAsync(twoMinutes);
    await other.rotation.recover();
    await other.rotation.rotate();
    const calls = stytch.calls.length;

    wake();
    await flushPromises();

    expect(first.now).toBeInstanceOf(Error);
    expect(stytch.calls).toHaveLength(calls);
    expect(store.content).toEqual({ secret: 'third-cccc', lastRotatedAt: expect.any(Date) as Date });
    expect(stytch.works('third-cccc')).toBe(true);
  });

  test('When another process started a rotation by hand, then this one can only complete it', async () => {
    const one = await startProcess();
    await one.rotation.start();
    const other = await startProcess(one);

    await expect(other.rotation.start()).rejects.toBeInstanceOf(RotationConflictError);
    await expect(other.rotation.rotate()).rejects.toBeInstanceOf(RotationConflictError);
    await other.rotation.complete();

    expect(one.store.content).toMatchObject({ secret: 'second-bbbb' });
    await expect(one.rotation.complete()).rejects.toMatchObject({
      errorType: 'm2m_client_not_rotating_secret',
    });
  });
});

describe('an operation that Stytch refuses', () => {
  test.each(['complete', 'cancel'] as const)(
    'When no rotation is in progress, then %s is refused',
    async (operation) => {
      const { credentials, rotation, store, events } = await startProcess();

      await expect(rotation[operation]()).rejects.toBeInstanceOf(StytchApiError);
      await expect(rotation[operation]()).rejects.toMatchObject({
        errorType: 'm2m_client_not_rotating_secret',
      });

      expect(credentials.secret).toBe('first-aaaa');
      expect([store.writes, events]).toEqual([[], []]);
    },
  );

  test('When Stytch refuses a start, then the stored secret and the credentials stay the same', async () => {
    const { credentials, rotation, store, stytch, types } = await startProcess();
    stytch.faults.set('rotateStart', { before: () => Promise.reject(apiError(404, 'm2m_client_not_found')) });

    await expect(rotation.start()).rejects.toMatchObject({ errorType: 'm2m_client_not_found' });

    expect(store.content).toEqual({ secret: 'first-aaaa' });
    expect(credentials.secret).toBe('first-aaaa');
    expect(types()).toEqual(['failed']);
  });

  test('When Stytch starts a rotation but answers with 500, then recovery cancels the rotation', async () => {
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

  test('When another process has completed the rotation, then cancel keeps the working secret', async () => {
    const { stytch, credentials, rotation } = await setUp();
    await rotation.start();
    await stytch.client.m2m.clients.secrets.rotate({ client_id: 'elsewhere' });

    await expect(rotation.cancel()).rejects.toBeInstanceOf(StytchApiError);

    expect(stytch.works(credentials.secret)).toBe(true);
  });

  test('When another process has completed the rotation and started the next, then cancel keeps the working secret', async () => {
    const { stytch, credentials, rotation } = await setUp();
    await rotation.start();
    await stytch.client.m2m.clients.secrets.rotate({ client_id: 'elsewhere' });
    await stytch.client.m2m.clients.secrets.rotateStart({ client_id: 'elsewhere' });

    await rotation.cancel();

    expect(credentials.secret).toBe('second-bbbb');
    expect(stytch.works(credentials.secret)).toBe(true);
  });

  test('When Stytch has a rotation that is not stored, then rotate cancels it and starts again', async () => {
    const { stytch, credentials, rotation } = await startProcess();
    await stytch.client.m2m.clients.secrets.rotateStart({ client_id: 'elsewhere' });

    await expect(rotation.rotate()).resolves.toBe('third-cccc');

    expect([stytch.secret, stytch.next, credentials.secret]).toEqual(['third-cccc', null, 'third-cccc']);
  });

  test('When Stytch does not accept the next secret during rotate, then the rotation is cancelled', async () => {
    const { stytch, credentials, rotation, store, types } = await startProcess();
    stytch.refused.add('second-bbbb');

    await expect(rotation.rotate()).rejects.toThrow(
      'Stytch does not accept the next secret: the rotation was cancelled',
    );

    expect([stytch.secret, stytch.next, credentials.secret]).toEqual(['first-aaaa', null, 'first-aaaa']);
    expect(store.content).toEqual({ secret: 'first-aaaa' });
    expect(types()).toEqual(['started', 'failed', 'cancelled']);
  });

  test('When Stytch does not accept the next secret during complete, then nothing changes', async () => {
    const { stytch, rotation, store } = await startProcess();
    await rotation.start();
    const before = store.content;
    stytch.faults.set('token', { before: () => Promise.reject(oauthError(400, 'invalid_client')) });

    await expect(rotation.complete()).rejects.toThrow('not accept the next secret: cancel the rotation');

    expect([stytch.secret, stytch.next]).toEqual(['first-aaaa', 'second-bbbb']);
    expect(store.content).toEqual(before);
  });

  test('When the token request fails for another reason, then a second rotate completes the rotation', async () => {
    const { stytch, rotation, store, types } = await startProcess();
    stytch.faults.set('token', { before: () => Promise.reject(oauthError(500, 'internal_server_error')) });

    await expect(rotation.rotate()).rejects.toMatchObject({ status: 500 });
    const left = store.content;
    stytch.faults.clear();
    await rotation.rotate();

    expect(left).toMatchObject({
      secret: 'first-aaaa',
      rotation: { nextSecret: 'second-bbbb', automatic: true, holder: undefined },
    });
    expect(store.content).toEqual({ secret: 'second-bbbb', lastRotatedAt: now });
    expect(types()).toEqual(['started', 'failed', 'completed']);
  });
});

describe('a restart during a rotation, with a secret from the environment', () => {
  test('When the server restarts with the old secret, then complete is a conflict and changes nothing', async () => {
    const { stytch, rotation } = await setUp();
    stytch.next = 'second-bbbb';

    await expect(rotation.complete()).rejects.toBeInstanceOf(RotationConflictError);
    await expect(rotation.complete()).rejects.toThrow('cancel the rotation, or restart with the next secret');

    expect([stytch.secret, stytch.next]).toEqual(['first-aaaa', 'second-bbbb']);
  });

  test('When the server restarts with the old secret, then cancel works', async () => {
    const { stytch, credentials, rotation } = await setUp();
    stytch.next = 'second-bbbb';

    await rotation.cancel();

    expect(stytch.next).toBeNull();
    expect(credentials.secret).toBe('first-aaaa');
  });

  test('When the server restarts with a secret that only ends like the next one, then complete is a conflict', async () => {
    const { stytch, rotation } = await setUp({ secret: 'mistyped-bbbb' });
    stytch.next = 'second-bbbb';
    stytch.faults.set('token', { before: () => Promise.reject(oauthError(400, 'invalid_client')) });

    await expect(rotation.complete()).rejects.toThrow(
      'Stytch does not accept the next secret: cancel the rotation',
    );

    expect([stytch.secret, stytch.next]).toEqual(['first-aaaa', 'second-bbbb']);
  });

  test('When the server restarts with the next secret, then complete works', async () => {
    const { stytch, credentials, rotation } = await setUp({ secret: 'second-bbbb' });
    stytch.next = 'second-bbbb';

    await rotation.complete();

    expect(stytch.works(credentials.secret)).toBe(true);
    expect([stytch.secret, stytch.next]).toEqual(['second-bbbb', null]);
  });

  test('When the server restarts with the next secret, then cancel is a conflict and changes nothing', async () => {
    const { stytch, rotation } = await setUp({ secret: 'second-bbbb' });
    stytch.next = 'second-bbbb';

    await expect(rotation.cancel()).rejects.toBeInstanceOf(RotationConflictError);

    expect(stytch.next).toBe('second-bbbb');
  });

  test.each(['start', 'rotate'] as const)(
    'When the server restarts with the next secret, then %s is a conflict and keeps it',
    async (operation) => {
      const { stytch, rotation } = await setUp({ secret: 'second-bbbb' });
      stytch.next = 'second-bbbb';

      await expect(rotation[operation]()).rejects.toBeInstanceOf(RotationConflictError);

      expect([stytch.secret, stytch.next]).toEqual(['first-aaaa', 'second-bbbb']);
    },
  );
});

describe('recovery after a restart', () => {
  const started = { secret: 'first-aaaa', rotation: { startedAt: now } };
  const both = { secret: 'first-aaaa', rotation: { startedAt: now, nextSecret: 'second-bbbb' } };
  const automatic = { ...both, rotation: { ...both.rotation, automatic: true } };

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
      found: 'a start whose answer was lost',
      content: started,
      at: ['first-aaaa', 'second-bbbb'],
      then: { secret: 'first-aaaa' },
      by: ['get', 'rotateCancel'],
    },
    {
      found: 'a start that Stytch did not get',
      content: started,
      at: ['first-aaaa', null],
      then: { secret: 'first-aaaa' },
      by: ['get'],
    },
    {
      found: 'an automatic rotation',
      content: automatic,
      at: ['first-aaaa', 'second-bbbb'],
      then: { secret: 'second-bbbb', lastRotatedAt: now },
      by: ['get', 'token', 'rotate'],
    },
    {
      found: 'a rotation that was started by hand',
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
      by: ['get', 'token'],
    },
    {
      found: 'a rotation that was cancelled',
      content: both,
      at: ['first-aaaa', null],
      then: { secret: 'first-aaaa' },
      by: ['get', 'token', 'token'],
    },
    {
      found: 'a rotation that was cancelled before another started',
      content: both,
      at: ['first-aaaa', 'third-cccc'],
      then: { secret: 'first-aaaa' },
      by: ['get', 'token', 'token'],
    },
  ] as const)(
    'When the store has $found, then recovery stores a secret that works',
    async ({ content, at, then, by }) => {
      const { rotation, store, stytch, credentials } = await restart(content, [...at]);

      await rotation.recover();

      expect(store.content).toEqual(then);
      expect(stytch.methods).toEqual(by);
      expect(stytch.works(credentials.secret)).toBe(true);
      expect(stytch.works(store.content.secret)).toBe(true);
    },
  );

  test('When there is nothing to recover, then the store is not written', async () => {
    const { rotation, store, stytch } = await startProcess();
    store.unwritable = true;

    await rotation.recover();

    expect(stytch.calls).toEqual([]);
  });

  test('When Stytch cannot be reached, then nothing changes, and a later recovery succeeds', async () => {
    const { rotation, store, stytch, types } = await restart(automatic, ['first-aaaa', 'second-bbbb']);
    stytch.faults.set('get', { before: () => Promise.reject(networkError()) });

    await expect(rotation.recover()).rejects.toBeInstanceOf(StytchUnavailableError);
    const meanwhile = store.content;
    stytch.faults.clear();
    await rotation.recover();

    expect(meanwhile).toEqual(automatic);
    expect(store.content).toEqual({ secret: 'second-bbbb', lastRotatedAt: now });
    expect(types()).toEqual(['failed', 'completed']);
  });

  test.each([{ m2m_client: {} }, {}, null, { m2m_client: { client_secret_last_four: '' } }])(
    'When Stytch answers get with %j, then no secret is lost',
    async (answer) => {
      const { rotation, store, stytch } = await restart(automatic, ['second-bbbb', null]);
      stytch.faults.set('get', { before: () => Promise.resolve(answer) });

      await expect(rotation.recover()).rejects.toBeInstanceOf(StytchUnavailableError);

      expect(store.content).toEqual(automatic);
    },
  );
});

describe('a lost answer', () => {
  const lost = { after: () => Promise.reject(networkError()) };
  const unsent = { before: () => Promise.reject(networkError()) };

  test('When only the answer to a start was lost, then cancel and a new start work', async () => {
    const { stytch, credentials, rotation } = await setUp();
    stytch.faults.set('rotateStart', lost);
    await expect(rotation.start()).rejects.toBeInstanceOf(StytchUnavailableError);
    const meanwhile = stytch.works(credentials.secret);
    stytch.faults.clear();

    await rotation.cancel();
    const next = await rotation.start();

    expect(meanwhile).toBe(true);
    expect(credentials.secret).toBe(next);
    expect(stytch.works(next)).toBe(true);
  });

  test.each(['start', 'rotate'] as const)(
    'When only the answer to a start was lost, then %s starts again',
    async (operation) => {
      const { stytch, rotation, credentials } = await startProcess();
      stytch.faults.set('rotateStart', lost);
      await expect(rotation[operation]()).rejects.toBeInstanceOf(StytchUnavailableError);
      stytch.faults.clear();

      await expect(rotation[operation]()).resolves.toBe('third-cccc');

      expect(credentials.secret).toBe('third-cccc');
    },
  );

  test('When only the answer to a completion was lost, then complete succeeds', async () => {
    const { stytch, credentials, rotation } = await setUp();
    await rotation.start();
    stytch.faults.set('rotate', lost);

    await rotation.complete();

    expect(stytch.secret).toBe('second-bbbb');
    expect(stytch.works(credentials.secret)).toBe(true);
  });

  test('When a completion loses its answer and Stytch is unreachable, then the next complete succeeds', async () => {
    const { stytch, credentials, rotation, store } = await startProcess();
    await rotation.start();
    stytch.faults.set('rotate', {
      after: () => {
        stytch.faults.set('get', unsent);
        return Promise.reject(networkError());
      },
    });

    await expect(rotation.complete()).rejects.toBeInstanceOf(StytchUnavailableError);
    const meanwhile = stytch.works(credentials.secret);
    stytch.faults.clear();
    await rotation.complete();

    expect(meanwhile).toBe(true);
    expect(store.content).toEqual({ secret: 'second-bbbb', lastRotatedAt: now });
  });

  test('When a completed rotation could not be stored, then the next rotate stores it and does not rotate again', async () => {
    const { stytch, rotation, store } = await startProcess();
    store.failing = [3];
    await expect(rotation.rotate()).rejects.toBeInstanceOf(SecretStoreError);

    await expect(rotation.rotate()).resolves.toBe('second-bbbb');

    expect(stytch.secret).toBe('second-bbbb');
    expect(store.content).toEqual({ secret: 'second-bbbb', lastRotatedAt: now });
  });

  test('When Stytch did not get a completion, then the credentials still work', async () => {
    const { stytch, credentials, rotation } = await setUp();
    await rotation.start();
    stytch.faults.set('rotate', unsent);

    await expect(rotation.complete()).rejects.toBeInstanceOf(StytchUnavailableError);

    expect(stytch.works(credentials.secret)).toBe(true);
    expect(stytch.next).toBe('second-bbbb');
  });

  test.each([
    ['gets no answer', lost],
    ['does not reach Stytch', unsent],
  ])('When a cancellation %s, then a second one succeeds and the credentials work', async (_case, fault) => {
    const { stytch, credentials, rotation } = await setUp();
    await rotation.start();
    stytch.faults.set('rotateCancel', fault);
    await expect(rotation.cancel()).rejects.toBeInstanceOf(StytchUnavailableError);
    const meanwhile = stytch.works(credentials.secret);
    stytch.faults.clear();

    await rotation.cancel();

    expect(meanwhile).toBe(true);
    expect(stytch.next).toBeNull();
    expect(credentials.secret).toBe('first-aaaa');
    expect(stytch.works(credentials.secret)).toBe(true);
  });

  test('When a rotation is completed after a failed cancellation, then there is always a working secret', async () => {
    const { stytch, credentials, rotation } = await setUp();
    await rotation.start();
    stytch.faults.set('rotateCancel', unsent);
    await expect(rotation.cancel()).rejects.toBeInstanceOf(StytchUnavailableError);
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

  test('When Stytch hangs, then the call ends at its timeout', async () => {
    const { stytch, rotation } = await setUp();
    stytch.faults.set('get', { before: () => new Promise(() => undefined) });
    const call = outcomeOf(rotation.complete());

    await pass(4_999);
    const before = call.now;
    await pass(1);

    expect(before).toBe('pending');
    expect(call.now).toMatchObject({ timedOut: true });
  });
});

describe('a store that fails', () => {
  test('When the store cannot be written, then no operation changes anything at Stytch and each failure is reported', async () => {
    const { stytch, rotation, store, types } = await startProcess();
    store.unwritable = true;
    for (const operation of ['start', 'rotate'] as const) {
      await expect(rotation[operation]()).rejects.toBeInstanceOf(SecretStoreError);
    }
    const asked = [...stytch.methods];
    store.unwritable = false;
    await rotation.start();
    stytch.calls.length = 0;

    store.unwritable = true;
    for (const operation of ['complete', 'cancel'] as const) {
      await expect(rotation[operation]()).rejects.toBeInstanceOf(SecretStoreError);
    }

    expect(asked).toEqual([]);
    expect(stytch.methods).toEqual(['get', 'get']); // A get changes nothing.
    expect(types()).toEqual(['failed', 'failed', 'started', 'failed', 'failed']);
  });

  test('When the store cannot be read, then Stytch is not called and the secret in use stays', async () => {
    const { stytch, credentials, rotation, store } = await startProcess();
    store.unreadable = true;

    await expect(rotation.start()).rejects.toBeInstanceOf(SecretStoreError);
    await expect(rotation.status()).rejects.toBeInstanceOf(SecretStoreError);
    await expect(rotation.recover()).rejects.toBeInstanceOf(SecretStoreError);

    expect(stytch.calls).toEqual([]);
    expect(credentials.secret).toBe('first-aaaa');
  });

  test('When the first write fails, then Stytch is not called', async () => {
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

describe('a malformed answer', () => {
  test.each([
    [null],
    [{}],
    [{ m2m_client: {} }],
    [{ m2m_client: { next_client_secret: '' } }],
    [{ m2m_client: { next_client_secret: 7 } }],
  ])('When Stytch answers a start with %j, then the credentials do not change', async (answer) => {
    const { stytch, credentials, rotation } = await setUp();
    stytch.faults.set('rotateStart', { after: () => Promise.resolve(answer) });

    await expect(rotation.start()).rejects.toBeInstanceOf(StytchUnavailableError);

    expect(credentials.secret).toBe('first-aaaa');
    expect(credentials.generation).toBe(0);
    stytch.faults.clear();
    await expect(rotation.start()).resolves.toBe('third-cccc');
  });

  test.each(['complete', 'cancel'] as const)(
    'When Stytch answers get without a client, then %s changes nothing',
    async (op) => {
      const { stytch, credentials, rotation } = await setUp();
      await rotation.start();
      stytch.faults.set('get', { before: () => Promise.resolve({}) });

      await expect(rotation[op]()).rejects.toBeInstanceOf(StytchUnavailableError);

      expect(credentials.secret).toBe('second-bbbb');
      expect(stytch.next).toBe('second-bbbb');
    },
  );
});

describe('a wrong answer', () => {
  test('When Stytch answers {} but does not complete the rotation, then both secrets stay', async () => {
    const { stytch, rotation, store, credentials } = await startProcess();
    stytch.faults.set('rotate', { before: () => Promise.resolve({}) });

    await expect(rotation.rotate()).rejects.toBeInstanceOf(StytchUnavailableError);

    expect(store.content).toMatchObject({ secret: 'first-aaaa', rotation: { nextSecret: 'second-bbbb' } });
    expect(stytch.works(credentials.secret)).toBe(true);
    stytch.faults.clear();
    await rotation.recover();
    expect(store.content).toEqual({ secret: 'second-bbbb', lastRotatedAt: now });
  });

  test('When Stytch answers {} and completes the rotation, then rotate succeeds', async () => {
    const { stytch, rotation, store } = await startProcess();
    stytch.faults.set('rotate', { after: () => Promise.resolve({}) });

    await expect(rotation.rotate()).resolves.toBe('second-bbbb');

    expect(store.content).toEqual({ secret: 'second-bbbb', lastRotatedAt: now });
  });

  test.each([{}, { access_token: '' }, { access_token: 7 }, null])(
    'When the next secret gets %j instead of a token, then the rotation is not completed',
    async (answer) => {
      const { stytch, rotation, store } = await startProcess();
      stytch.faults.set('token', { before: () => Promise.resolve(answer) });

      await expect(rotation.rotate()).rejects.toBeInstanceOf(StytchUnavailableError);

      expect([stytch.secret, stytch.next]).toEqual(['first-aaaa', 'second-bbbb']);
      expect(store.content).toMatchObject({ rotation: { nextSecret: 'second-bbbb' } });
    },
  );

  test('When Stytch answers get with an outdated client, then the live secret is not lost', async () => {
    const { stytch, rotation, store, credentials } = await startProcess();
    const beforeAnyRotation = await stytch.client.m2m.clients.get({ client_id: 'client-1' });
    await rotation.start();
    stytch.faults.set('get', { before: () => Promise.resolve(beforeAnyRotation) });
    stytch.faults.set('rotate', { after: () => Promise.reject(networkError()) });
    await expect(rotation.complete()).rejects.toBeInstanceOf(StytchUnavailableError);
    stytch.faults.delete('rotate');

    await rotation.recover();

    expect(store.content).toMatchObject({ rotation: { nextSecret: 'second-bbbb' } });
    expect(stytch.works(credentials.secret)).toBe(true);
    stytch.faults.clear();
    await rotation.complete();
    expect(store.content).toEqual({ secret: 'second-bbbb', lastRotatedAt: now });
  });

  test.each(['complete', 'cancel'] as const)(
    'When both secrets end alike and the result of %s was not stored, then recovery keeps the one that works',
    async (operation) => {
      const stytch = new FakeStytch();
      stytch.nextSecrets = ['second-aaaa', 'third-aaaa'];
      const { rotation, store, credentials } = await startProcess({ stytch });
      await rotation.start();
      const both = store.content;
      await rotation[operation]();
      const working = stytch.secret;
      store.content = both;

      await rotation.recover();

      expect(store.content.secret).toBe(working);
      await rotation.rotate();
      expect(stytch.works(credentials.secret)).toBe(true);
    },
  );

  test('When the next secret contains a space, then it is not stored and the rotation is cancelled', async () => {
    const stytch = new FakeStytch();
    stytch.nextSecrets = ['second bbbb', 'third-cccc'];
    const { rotation, store } = await startProcess({ stytch });

    await expect(rotation.rotate()).rejects.toBeInstanceOf(StytchUnavailableError);
    await rotation.recover();

    expect(stytch.next).toBeNull();
    expect(store.content).toEqual({ secret: 'first-aaaa' });
  });

  test('When Stytch accepts neither secret, then both stay and recovery fails', async () => {
    const { stytch, rotation, store } = await startProcess();
    await rotation.start();
    const both = store.content;
    stytch.next = null;
    stytch.refused.add('first-aaaa');

    await expect(rotation.recover()).rejects.toThrow('neither of the two secrets: is the client active?');

    expect(store.content).toEqual(both);
  });

  test('When Stytch does not accept the old secret, then cancel fails and cancels nothing', async () => {
    const { stytch, rotation, credentials } = await startProcess();
    await rotation.start();
    stytch.refused.add('first-aaaa');

    await expect(rotation.cancel()).rejects.toThrow('does not accept the secret that would remain');

    expect(stytch.next).toBe('second-bbbb');
    expect(credentials.secret).toBe('first-aaaa');
    expect(await credentials.reconsider('first-aaaa')).toBe(true);
    expect(credentials.secret).toBe('second-bbbb');
  });
});

describe('a store that has the next secret as its secret', () => {
  const next = () => startProcess({ store: new FakeStore({ secret: 'second-bbbb' }), stytch: rotating() });
  const rotating = () => Object.assign(new FakeStytch(), { next: 'second-bbbb' });

  test.each([
    ['fails', { before: () => Promise.reject(apiError(503, 'service_unavailable')) }],
    ['hangs', { before: () => new Promise(() => undefined) }],
  ])('When a start %s and the process restarts, then the stored secret still works', async (_how, fault) => {
    const { rotation, store, stytch } = await next();
    stytch.faults.set('rotateStart', fault);
    const failed = outcomeOf(rotation.start());
    await pass(5_000);
    stytch.faults.clear();

    const restarted = await startProcess({ store, stytch });
    await restarted.rotation.recover();

    expect(failed.now).toBeInstanceOf(Error);
    expect(stytch.works(restarted.credentials.secret)).toBe(true);
    expect(store.content).toEqual({ secret: 'second-bbbb' });
    await restarted.rotation.complete();
    expect([stytch.secret, stytch.next]).toEqual(['second-bbbb', null]);
  });

  test('When the process is killed after it stored a start, then the next secret is not cancelled', async () => {
    const { stytch } = await next();
    const announced = { startedAt: now, automatic: true, holder: holder.replace(/[^/]*$/, 'killed') };
    const store = new FakeStore({ secret: 'second-bbbb', rotation: announced });

    const { rotation } = await startProcess({ store, stytch });
    await rotation.recover();

    expect(stytch.next).toBe('second-bbbb');
    expect(store.content).toEqual({ secret: 'second-bbbb' });
  });

  test('When Stytch and the store have different secrets, then nothing is cancelled', async () => {
    const { rotation, store, stytch } = await startProcess({
      store: new FakeStore({ secret: 'lost-ffff', rotation: { startedAt: now } }),
      stytch: rotating(),
    });

    await expect(rotation.recover()).rejects.toThrow('Stytch shows other secrets');

    expect(stytch.next).toBe('second-bbbb');
    expect(store.content.secret).toBe('lost-ffff');
  });
});

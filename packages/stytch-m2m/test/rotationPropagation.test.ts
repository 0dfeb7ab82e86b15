import { RotationConflictError, SecretRotation, SecretStoreReadOnlyError } from '../src';
import { FakeStore, FakeStytch, startProcess } from './rotationSetUp';
import { flushPromises, outcomeOf, pass, setWallClock, startOfTest, stopTheClock } from './timers';

beforeEach(stopTheClock);
afterEach(() => {
  jest.useRealTimers();
});

const twoMinutes = 120_000;

/** A process whose writes need two minutes to reach the others. */
function startJob({ stytch = new FakeStytch(), store = new FakeStore() } = {}) {
  const { client } = stytch;
  const rotation = new SecretRotation({
    client,
    clientId: 'client-1',
    store,
    propagationMilliseconds: twoMinutes,
  });
  return { stytch, store, rotation };
}

/** A process that was killed while it waited for the next secret to reach the others. */
async function killedWhileWaiting() {
  const { stytch, store, rotation } = startJob();
  const killed = new AbortController();
  const rotating = outcomeOf(rotation.rotate({ signal: killed.signal }));
  await flushPromises();
  const kill = () => {
    killed.abort(new Error('killed'));
  };
  return { stytch, store, kill, rotating };
}

describe('a rotation whose writes need two minutes to reach every process', () => {
  test('When it rotates, then both secrets work until two minutes after the next one was stored', async () => {
    const { rotation, stytch, store } = startJob();
    stytch.faults.set('rotateStart', {
      after: () => {
        setWallClock(7_000); // The time counts from the write, which comes after this answer.
        return Promise.resolve({ m2m_client: { next_client_secret: 'second-bbbb' } });
      },
    });

    const rotating = outcomeOf(rotation.rotate());
    await flushPromises();
    const storedAt = store.content.rotation?.startedAt;
    await pass(twoMinutes - 1);
    const before = [rotating.now, stytch.works('first-aaaa'), stytch.works('second-bbbb')];
    await pass(1);

    expect(storedAt).toEqual(new Date(startOfTest + 7_000));
    expect(before).toEqual(['pending', true, true]);
    expect([rotating.now, stytch.works('first-aaaa')]).toEqual(['second-bbbb', false]);
    expect(store.content).toEqual({ secret: 'second-bbbb', lastRotatedAt: expect.any(Date) as Date });
  });

  test('When it waits, then another process may continue the rotation', async () => {
    const { store } = await killedWhileWaiting();

    expect(store.content.rotation).toEqual({
      startedAt: new Date(startOfTest),
      nextSecret: 'second-bbbb',
      automatic: true,
      holder: undefined,
    });
  });

  test('When it is killed during the wait, then the next process waits only for the rest', async () => {
    const { stytch, store, kill, rotating } = await killedWhileWaiting();
    await pass(50_000);
    kill();
    await flushPromises();
    const next = outcomeOf(startJob({ stytch, store }).rotation.rotate());

    await pass(twoMinutes - 50_000 - 1);
    const before = next.now;
    await pass(1);

    expect(rotating.now).toEqual(new Error('killed'));
    expect([before, next.now]).toEqual(['pending', 'second-bbbb']);
    expect(stytch.methods.filter((method) => method === 'rotateStart')).toHaveLength(1);
  });

  test('When the clock was set back since the write, then the next process waits two minutes, not longer', async () => {
    const { stytch, store, kill } = await killedWhileWaiting();
    kill();
    setWallClock(-86_400_000);
    const next = outcomeOf(startJob({ stytch, store }).rotation.rotate());

    await pass(twoMinutes);

    expect(next.now).toBe('second-bbbb');
  });

  test('When recover runs before the two minutes are over, then it completes nothing, and afterwards it completes', async () => {
    const { stytch, store, kill } = await killedWhileWaiting();
    kill();
    const { rotation } = startJob({ stytch, store });

    await rotation.recover();
    const before = stytch.secret;
    await pass(twoMinutes);
    await rotation.recover();

    expect([before, stytch.secret]).toEqual(['first-aaaa', 'second-bbbb']);
  });

  test('When an operator completes too early, then it is a conflict that says how long to wait', async () => {
    const { rotation, stytch } = startJob();
    await rotation.start();
    await pass(20_000);

    await expect(rotation.complete()).rejects.toThrow(
      'Some processes may not have the next secret yet: complete in 100 s',
    );
    const before = stytch.secret;
    await pass(100_000);
    await rotation.complete();

    expect([before, stytch.secret]).toEqual(['first-aaaa', 'second-bbbb']);
  });

  test('When two jobs rotate, then there is one rotation, and both return its secret', async () => {
    const { stytch, store, rotating } = await killedWhileWaiting();
    const other = outcomeOf(startJob({ stytch, store }).rotation.rotate());

    await pass(twoMinutes);
    await flushPromises();

    const outcomes = [rotating.now, other.now];
    expect(outcomes).toContain('second-bbbb');
    for (const outcome of outcomes) {
      expect(['second-bbbb', expect.any(RotationConflictError)]).toContainEqual(outcome);
    }
    expect(stytch.methods.filter((method) => method === 'rotateStart')).toHaveLength(1);
    expect(store.content).toMatchObject({ secret: 'second-bbbb' });
  });

  test('When another process cancels during the wait, then it is a conflict, and the old secret works', async () => {
    const { stytch, store, rotating } = await killedWhileWaiting();
    await startJob({ stytch, store }).rotation.cancel();

    await pass(twoMinutes);

    expect(rotating.now).toBeInstanceOf(RotationConflictError);
    expect([stytch.secret, store.content.secret]).toEqual(['first-aaaa', 'first-aaaa']);
  });
});

describe('a store that this process only follows', () => {
  test.each(['start', 'complete', 'cancel', 'rotate'] as const)(
    'When %s is called, then it fails before Stytch is called, and is no failed rotation',
    async (operation) => {
      const store = Object.assign(new FakeStore(), { readOnly: true });
      const { rotation, stytch, events } = await startProcess({ store });

      await expect(rotation[operation]()).rejects.toBeInstanceOf(SecretStoreReadOnlyError);

      expect([stytch.calls, store.writes, events]).toEqual([[], [], []]);
    },
  );
});

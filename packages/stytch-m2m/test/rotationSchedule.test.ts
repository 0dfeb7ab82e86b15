import { keepRotating, RotationConflictError, type RotationStatus } from '../src';
import { pass, flushPromises, startOfTest, stopTheClock } from './timers';

beforeEach(() => {
  stopTheClock();
  jest.spyOn(Math, 'random').mockReturnValue(0);
});
afterEach(() => {
  jest.useRealTimers();
  jest.restoreAllMocks();
});

const minute = 60_000;
const day = 86_400_000;

/** A schedule for a secret of this age in milliseconds. Undefined means that the age is unknown. */
function setUp({ age, interval }: { age?: number; interval?: number } = {}) {
  let lastRotatedAt = age === undefined ? undefined : new Date(startOfTest - age);
  const rotatedAt: number[] = [];
  const failures: unknown[] = [];
  const rotation = {
    recover: jest.fn(() => Promise.resolve()),
    rotate: jest.fn(() => {
      rotatedAt.push(Date.now() - startOfTest);
      lastRotatedAt = new Date();
      return Promise.resolve('a-secret');
    }),
    status: jest.fn((): Promise<RotationStatus> => Promise.resolve({ status: 'none', lastRotatedAt })),
  };
  const start = () =>
    keepRotating({
      rotation,
      ...(interval !== undefined && { intervalMilliseconds: interval }),
      onFailure: (error) => failures.push(error),
    });
  return { rotation, rotatedAt, failures, start };
}

describe('a schedule', () => {
  test('When there is no interval, then recovery runs once a minute and nothing rotates', async () => {
    const { rotation, start } = setUp({ age: 1_000 * day });

    start();
    await pass(60 * minute);

    expect(rotation.recover).toHaveBeenCalledTimes(61);
    expect(rotation.rotate).not.toHaveBeenCalled();
  });

  test('When the age of the secret reaches the interval, then it rotates, and again one interval later', async () => {
    const { rotatedAt, start } = setUp({ age: 2 * day, interval: 3 * day });

    start();
    await pass(day - 1);
    const before = [...rotatedAt];
    await pass(4 * day);

    expect(before).toEqual([]);
    expect(rotatedAt).toEqual([day, 4 * day]);
  });

  test('When the interval is longer than the longest possible timer, then the secret does not rotate early', async () => {
    const { rotatedAt, start } = setUp({ age: 0, interval: 25 * day });

    const stop = start();
    await pass(24 * day);
    const before = [...rotatedAt];
    await pass(2 * day);
    stop();

    expect(before).toEqual([]);
    expect(rotatedAt).toEqual([25 * day]);
  });

  test('When the server restarts, then the age of the secret still counts', async () => {
    const { rotatedAt, start } = setUp({ age: 0, interval: day });
    const stop = start();
    await pass(day / 2);

    stop();
    start();
    await pass(day / 2);

    expect(rotatedAt).toEqual([day]);
  });

  test('When the secret is overdue at the start, then it rotates right after recovery', async () => {
    const { rotation, rotatedAt, start } = setUp({ age: 31 * day, interval: 30 * day });

    start();
    await flushPromises();

    expect(rotatedAt).toEqual([0]);
    expect(rotation.recover.mock.invocationCallOrder[0]).toBeLessThan(
      rotation.rotate.mock.invocationCallOrder[0] ?? 0,
    );
  });

  test('When the age of the secret is unknown, then it counts from the start of the server', async () => {
    const { rotatedAt, start } = setUp({ interval: day });

    start();
    await pass(day);

    expect(rotatedAt).toEqual([day]);
  });

  test.each([
    [0, day],
    [0.5, 0.95 * day],
    [1, 0.9 * day],
  ])(
    'When Math.random returns %d, then the secret rotates up to a tenth of the interval earlier',
    async (chance, at) => {
      jest.spyOn(Math, 'random').mockReturnValue(chance);
      const { rotatedAt, start } = setUp({ age: 0, interval: day });

      start();
      await pass(at - 1);
      const before = [...rotatedAt];
      await pass(minute);

      expect(before).toEqual([]);
      expect(rotatedAt).toHaveLength(1);
    },
  );

  test('When the schedule is stopped, then nothing rotates and no timer is left', async () => {
    const { rotation, start } = setUp({ age: 0, interval: day });
    const stop = start();
    await flushPromises();

    stop();
    await pass(3 * day);

    expect(rotation.rotate).not.toHaveBeenCalled();
    expect(jest.getTimerCount()).toBe(0);
  });

  test('When the schedule is stopped during recovery, then no timer is left', async () => {
    const { start } = setUp({ age: 0, interval: day });

    start()();
    await flushPromises();

    expect(jest.getTimerCount()).toBe(0);
  });
});

describe('a scheduled rotation that fails', () => {
  const failure = new Error('failure');

  test('When every try fails, then each failure is reported and the tries slow down to one an hour', async () => {
    jest.spyOn(Math, 'random').mockReturnValue(1);
    const { rotation, failures, start } = setUp({ age: 2 * day, interval: day });
    const triedAt: number[] = [];
    rotation.rotate.mockImplementation(() => {
      triedAt.push((Date.now() - startOfTest) / minute);
      return Promise.reject(failure);
    });

    start();
    await pass(5 * 60 * minute);

    expect(triedAt).toEqual([0, 1, 3, 7, 15, 31, 63, 123, 183, 243]);
    expect(failures).toEqual(triedAt.map(() => failure));
  });

  test('When a later try succeeds, then the secret rotates on schedule again', async () => {
    const { rotation, rotatedAt, start } = setUp({ age: 2 * day, interval: day });
    rotation.rotate.mockRejectedValueOnce(failure);

    start();
    await pass(day + 2 * minute);

    expect(rotatedAt).toHaveLength(2);
  });

  test('When recovery fails, then it is retried soon and nothing rotates until it succeeds', async () => {
    const { rotation, failures, start } = setUp({ age: 2 * day, interval: day });
    const conflict = new RotationConflictError('at work');
    rotation.recover.mockRejectedValueOnce(conflict).mockRejectedValueOnce(failure);

    start();
    await flushPromises();
    const before = rotation.rotate.mock.calls.length;
    await pass(3_000);

    expect(before).toBe(0);
    expect(failures).toEqual([conflict, failure]);
    expect(rotation.recover).toHaveBeenCalledTimes(3);
    expect(rotation.rotate).toHaveBeenCalledTimes(1);
  });

  test('When recovery fails and there is no interval, then it is still retried', async () => {
    const { rotation, start } = setUp();
    rotation.recover.mockRejectedValueOnce(failure);

    start();
    await pass(1_000);

    expect(rotation.recover).toHaveBeenCalledTimes(2);
  });

  test('When the store cannot be read, then the failure is reported and the rotation is retried', async () => {
    const { rotation, rotatedAt, failures, start } = setUp({ age: 2 * day, interval: day });
    rotation.status.mockRejectedValueOnce(failure);

    start();
    await pass(minute);

    expect(failures).toEqual([failure]);
    expect(rotatedAt).toHaveLength(1);
  });

  test('When the onFailure hook throws, then the rotation is still retried', async () => {
    const { rotation } = setUp({ age: 2 * day });
    rotation.rotate.mockRejectedValueOnce(failure);

    keepRotating({
      rotation,
      intervalMilliseconds: day,
      onFailure: () => {
        throw new Error('the hook');
      },
    });
    await pass(minute);

    expect(rotation.rotate).toHaveBeenCalledTimes(2);
  });
});

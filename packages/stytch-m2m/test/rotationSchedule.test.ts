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

/** A schedule for a secret of this age, in milliseconds; undefined: of an unknown one. */
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
  test('When there is no interval, then what is cut off is recovered within a minute, and nothing rotates', async () => {
    const { rotation, start } = setUp({ age: 1_000 * day });

    start();
    await pass(60 * minute);

    expect(rotation.recover).toHaveBeenCalledTimes(61);
    expect(rotation.rotate).not.toHaveBeenCalled();
  });

  test('When the secret becomes as old as the interval, then it rotates, and again an interval later', async () => {
    const { rotatedAt, start } = setUp({ age: 2 * day, interval: 3 * day });

    start();
    await pass(day - 1);
    const before = [...rotatedAt];
    await pass(4 * day);

    expect(before).toEqual([]);
    expect(rotatedAt).toEqual([day, 4 * day]);
  });

  test('When the interval is longer than timers can be, then it does not rotate early', async () => {
    const { rotatedAt, start } = setUp({ age: 0, interval: 25 * day });

    const stop = start();
    await pass(24 * day);
    const before = [...rotatedAt];
    await pass(2 * day);
    stop();

    expect(before).toEqual([]);
    expect(rotatedAt).toEqual([25 * day]);
  });

  test('When the server restarts, then the age of the secret goes on', async () => {
    const { rotatedAt, start } = setUp({ age: 0, interval: day });
    const stop = start();
    await pass(day / 2);

    stop();
    start();
    await pass(day / 2);

    expect(rotatedAt).toEqual([day]);
  });

  test('When the secret is overdue at the start, then it rotates at once, after recovery', async () => {
    const { rotation, rotatedAt, start } = setUp({ age: 31 * day, interval: 30 * day });

    start();
    await flushPromises();

    expect(rotatedAt).toEqual([0]);
    expect(rotation.recover.mock.invocationCallOrder[0]).toBeLessThan(
      rotation.rotate.mock.invocationCallOrder[0] ?? 0,
    );
  });

  test('When the age of the secret is not known, then it counts from the start of the server', async () => {
    const { rotatedAt, start } = setUp({ interval: day });

    start();
    await pass(day);

    expect(rotatedAt).toEqual([day]);
  });

  test.each([
    [0, day],
    [0.5, 0.95 * day],
    [1, 0.9 * day],
  ])('When chance is %d, then it rotates up to a tenth of the interval earlier', async (chance, at) => {
    jest.spyOn(Math, 'random').mockReturnValue(chance);
    const { rotatedAt, start } = setUp({ age: 0, interval: day });

    start();
    await pass(at - 1);
    const before = [...rotatedAt];
    await pass(minute);

    expect(before).toEqual([]);
    expect(rotatedAt).toHaveLength(1);
  });

  test('When it is stopped, then nothing happens any more', async () => {
    const { rotation, start } = setUp({ age: 0, interval: day });
    const stop = start();
    await flushPromises();

    stop();
    await pass(3 * day);

    expect(rotation.rotate).not.toHaveBeenCalled();
    expect(jest.getTimerCount()).toBe(0);
  });

  test('When it is stopped while it looks, then no timer is left', async () => {
    const { start } = setUp({ age: 0, interval: day });

    start()();
    await flushPromises();

    expect(jest.getTimerCount()).toBe(0);
  });
});

describe('a rotation that fails on schedule', () => {
  const trouble = new Error('trouble');

  test('When it fails, then each failure is told and the tries get rarer, up to one in an hour', async () => {
    jest.spyOn(Math, 'random').mockReturnValue(1);
    const { rotation, failures, start } = setUp({ age: 2 * day, interval: day });
    const triedAt: number[] = [];
    rotation.rotate.mockImplementation(() => {
      triedAt.push((Date.now() - startOfTest) / minute);
      return Promise.reject(trouble);
    });

    start();
    await pass(5 * 60 * minute);

    expect(triedAt).toEqual([0, 1, 3, 7, 15, 31, 63, 123, 183, 243]);
    expect(failures).toEqual(triedAt.map(() => trouble));
  });

  test('When a later try succeeds, then it is on schedule again', async () => {
    const { rotation, rotatedAt, start } = setUp({ age: 2 * day, interval: day });
    rotation.rotate.mockRejectedValueOnce(trouble);

    start();
    await pass(day + 2 * minute);

    expect(rotatedAt).toHaveLength(2);
  });

  test('When recovery fails, then nothing rotates until it succeeds, and it is tried again within a second', async () => {
    const { rotation, failures, start } = setUp({ age: 2 * day, interval: day });
    const conflict = new RotationConflictError('at work');
    rotation.recover.mockRejectedValueOnce(conflict).mockRejectedValueOnce(trouble);

    start();
    await flushPromises();
    const before = rotation.rotate.mock.calls.length;
    await pass(3_000);

    expect(before).toBe(0);
    expect(failures).toEqual([conflict, trouble]);
    expect(rotation.recover).toHaveBeenCalledTimes(3);
    expect(rotation.rotate).toHaveBeenCalledTimes(1);
  });

  test('When recovery fails and there is no interval, then it is tried again all the same', async () => {
    const { rotation, start } = setUp();
    rotation.recover.mockRejectedValueOnce(trouble);

    start();
    await pass(1_000);

    expect(rotation.recover).toHaveBeenCalledTimes(2);
  });

  test('When the store cannot be read, then that is told and tried again', async () => {
    const { rotation, rotatedAt, failures, start } = setUp({ age: 2 * day, interval: day });
    rotation.status.mockRejectedValueOnce(trouble);

    start();
    await pass(minute);

    expect(failures).toEqual([trouble]);
    expect(rotatedAt).toHaveLength(1);
  });

  test('When the hook fails, too, then it is tried again all the same', async () => {
    const { rotation } = setUp({ age: 2 * day });
    rotation.rotate.mockRejectedValueOnce(trouble);

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

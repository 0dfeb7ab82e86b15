import {
  type FailurePolicy,
  type Fetched,
  RefreshingCache,
  type RefreshingCacheOptions,
} from '../src/refreshingCache';
import { type Deferred, deferred, outcomeOf, pass, flushPromises, stopTheClock } from './timers';

beforeEach(() => {
  stopTheClock();
  jest.spyOn(Math, 'random').mockReturnValue(1);
});
afterEach(() => {
  jest.restoreAllMocks();
  jest.useRealTimers();
});

/** Lives 100 ms, and is refreshed after 60 ms. */
const fetched = (value: string, more: Partial<Fetched<string>> = {}): Fetched<string> => ({
  value,
  lifetimeMilliseconds: 100,
  refreshAfterMilliseconds: 60,
  ...more,
});

/** A cache whose fetches the test answers one by one. */
function setUp(
  policy: Partial<FailurePolicy> = {},
  options: Partial<RefreshingCacheOptions<string, Error>> = {},
) {
  const fetches: (Deferred<Fetched<string>> & { deadline: number })[] = [];
  const failures: number[] = [];
  const cache = new RefreshingCache<string>({
    timeoutMilliseconds: 1_000,
    fetch: (deadline) => {
      const fetching = { ...deferred<Fetched<string>>(), deadline };
      fetches.push(fetching);
      return fetching.promise;
    },
    onFailure: (_error, count) => {
      failures.push(count);
      return { cacheMilliseconds: 0, refreshPauseMilliseconds: 0, ...policy };
    },
    ...options,
  });
  const answer = async (value: string, more: Partial<Fetched<string>> = {}) => {
    fetches.at(-1)?.resolve(fetched(value, more));
    await flushPromises();
  };
  const fail = async (message: string) => {
    fetches.at(-1)?.reject(new Error(message));
    await flushPromises();
  };
  /** Fetches a first value. */
  const fill = async (value: string) => {
    const getting = cache.get();
    await answer(value);
    return getting;
  };
  return { cache, fetches, failures, answer, fail, fill };
}

describe('a value', () => {
  test('When many ask at once, then one fetch serves all', async () => {
    const { cache, fetches, answer } = setUp();
    const all = [cache.get(), cache.get(), cache.refresh()];
    await answer('a');

    expect(await Promise.all(all)).toEqual(['a', 'a', 'a']);
    expect(fetches).toHaveLength(1);
  });

  test('When it has expired, then it is fetched again; its age counts from the start of the fetch', async () => {
    const { cache, fetches, answer } = setUp();
    const first = cache.get();
    await pass(50);
    await answer('a');
    await first;
    await pass(49);
    const fresh = cache.peek();
    await pass(1);
    const expired = [cache.peek(), cache.last];
    const next = cache.get();
    await answer('b');

    expect([fresh, expired]).toEqual(['a', [undefined, 'a']]);
    expect(await next).toBe('b');
    expect(fetches).toHaveLength(2);
  });

  test('When it is not cacheable, then only those get it who wait for it', async () => {
    const { cache, fetches, answer } = setUp();
    const first = cache.get();
    await answer('a', { cacheable: false });
    const second = cache.get();
    await answer('b');

    expect([await first, await second, cache.last]).toEqual(['a', 'b', 'b']);
    expect(fetches).toHaveLength(2);
  });

  test('When the wall clock is set back, then it expires all the same', async () => {
    const { cache, fill } = setUp();
    await fill('a');
    jest.setSystemTime(0);
    await pass(100);

    expect(cache.peek()).toBeUndefined();
  });
});

describe('a refresh ahead', () => {
  test('When it is time, then one begins with the next caller, and nobody waits for it', async () => {
    const { cache, fetches, answer, fill } = setUp();
    await fill('a');
    await pass(59);
    await cache.get();
    const early = fetches.length;
    await pass(1);
    const during = [await cache.get(), await cache.get()];
    await answer('b');

    expect([early, fetches.length]).toEqual([1, 2]);
    expect(during).toEqual(['a', 'a']);
    expect(await cache.get()).toBe('b');
  });

  test('When it fails, then the value is used to its end, and the next begins after the pause', async () => {
    const { cache, fetches, fail, fill } = setUp({ refreshPauseMilliseconds: 20 });
    await fill('a');
    await pass(60);
    await cache.get();
    await fail('away');
    await pass(19);
    await cache.get();
    const early = fetches.length;
    await pass(1);

    expect(await cache.get()).toBe('a');
    expect([early, fetches.length, cache.failing]).toEqual([2, 3, true]);
  });

  test('When the value expires meanwhile, then callers wait for the refresh under way', async () => {
    const { cache, fetches, answer, fill } = setUp();
    await fill('a');
    await pass(60);
    await cache.get();
    await pass(40);
    const waiting = cache.get();
    await answer('b');

    expect(await waiting).toBe('b');
    expect(fetches).toHaveLength(2);
  });
});

describe('a failure', () => {
  test('When it is not cached, then the next caller causes a fetch; failures are counted until one succeeds', async () => {
    const { cache, failures, fail, fill } = setUp();
    for (const message of ['one', 'two']) {
      const call = outcomeOf(cache.get());
      await fail(message);
      expect(call.now).toMatchObject({ message });
    }
    await fill('a');
    cache.invalidate();
    const call = outcomeOf(cache.get());
    await fail('three');

    expect(call.now).toMatchObject({ message: 'three' });
    expect(failures).toEqual([1, 2, 1]);
  });

  test('When it is cached, then every caller gets it without a fetch, until it expires', async () => {
    const { cache, fetches, fail } = setUp(
      { cacheMilliseconds: 50 },
      { cachedError: (error, left) => new Error(`${error.message}, ${left} ms`) },
    );
    const first = outcomeOf(cache.get());
    await fail('away');
    await pass(20);
    await expect(cache.get()).rejects.toThrow('away, 30 ms');
    const left = cache.failureLeftMilliseconds;
    await pass(30);
    const fetching = outcomeOf(cache.get());
    await flushPromises();

    expect(first.now).toMatchObject({ message: 'away' });
    expect([left, cache.failureLeftMilliseconds, fetches.length, fetching.now]).toEqual([
      30,
      0,
      2,
      'pending',
    ]);
  });

  test('When it is forgotten, then the next caller causes a fetch', async () => {
    const { cache, fail, fill } = setUp({ cacheMilliseconds: 50 });
    const first = outcomeOf(cache.get());
    await fail('away');
    cache.forgetFailure();

    expect(await fill('a')).toBe('a');
    expect(first.now).toMatchObject({ message: 'away' });
  });

  test('When it may be waited for, then a caller waits for half of the timeout at the most', async () => {
    const { cache, fetches, answer, fail } = setUp({ cacheMilliseconds: 2_000, wait: true });
    const first = outcomeOf(cache.get());
    await fail('away');
    await pass(1_499);
    await expect(cache.get()).rejects.toThrow('away');
    await pass(1);
    const waiting = outcomeOf(cache.get());
    await pass(699);
    const early = fetches.length;
    await pass(1);
    await answer('a');

    expect(first.now).toMatchObject({ message: 'away' });
    expect([early, fetches.length, waiting.now]).toEqual([1, 2, 'a']);
    expect(fetches[1]?.deadline).toBe(2_500); // A timeout after the caller came.
  });

  test('When there was a value, then it stays at hand', async () => {
    const { cache, fail, fill } = setUp();
    await fill('a');
    await pass(100);
    const call = outcomeOf(cache.get());
    await fail('away');

    expect(call.now).toMatchObject({ message: 'away' });
    expect([cache.last, cache.peek(), cache.failing]).toEqual(['a', undefined, true]);
  });
});

describe('a refresh with a cooldown', () => {
  test('When the last fetch has just begun, then its value is taken for a new one', async () => {
    const { cache, fetches, answer, fill } = setUp();
    await fill('a');
    await pass(49);
    const same = await cache.refresh(50);
    await pass(1);
    const next = cache.refresh(50);
    await answer('b');

    expect([same, await next]).toEqual(['a', 'b']);
    expect(fetches).toHaveLength(2);
  });

  test('When the last fetch has just failed, then its failure is taken for a new one', async () => {
    const { cache, fetches, fail, fill } = setUp();
    await fill('a');
    await pass(60);
    const failed = outcomeOf(cache.refresh());
    await fail('away');
    await pass(10);

    await expect(cache.refresh(50)).rejects.toThrow('away');
    expect(failed.now).toMatchObject({ message: 'away' });
    expect(fetches).toHaveLength(2);
  });
});

describe('an invalidation', () => {
  test('When a fetch is under way, then what it brings is for those who wait, and not cached', async () => {
    const { cache, fetches, answer } = setUp();
    const waiting = cache.get();
    cache.invalidate();
    const next = cache.get();
    await answer('new');
    fetches[0]?.resolve(fetched('old'));

    expect([await waiting, await next, cache.last]).toEqual(['old', 'new', 'new']);
  });

  test('When a fetch is under way and fails, then that is nobody else’s failure', async () => {
    const { cache, fetches, failures } = setUp({ cacheMilliseconds: 1_000 });
    const waiting = outcomeOf(cache.get());
    cache.invalidate();
    fetches[0]?.reject(new Error('away'));
    await flushPromises();
    const next = outcomeOf(cache.get());
    await flushPromises();

    expect(waiting.now).toMatchObject({ message: 'away' });
    expect([failures, next.now, fetches.length]).toEqual([[], 'pending', 2]);
  });
});

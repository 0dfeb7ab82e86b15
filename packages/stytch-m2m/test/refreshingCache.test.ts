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

/** A value that expires after 100 ms and is refreshed ahead after 60 ms. */
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
  test('When many callers ask at once, then one fetch serves them all', async () => {
    const { cache, fetches, answer } = setUp();
    const all = [cache.get(), cache.get(), cache.refresh()];
    await answer('a');

    expect(await Promise.all(all)).toEqual(['a', 'a', 'a']);
    expect(fetches).toHaveLength(1);
  });

  test('When a value has expired, then it is fetched again, and its age counts from the start of the fetch', async () => {
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

  test('When a value is not cacheable, then only the callers that wait for it get it', async () => {
    const { cache, fetches, answer } = setUp();
    const first = cache.get();
    await answer('a', { cacheable: false });
    const second = cache.get();
    await answer('b');

    expect([await first, await second, cache.last]).toEqual(['a', 'b', 'b']);
    expect(fetches).toHaveLength(2);
  });

  test('When the wall clock is set back, then the value still expires on time', async () => {
    const { cache, fill } = setUp();
    await fill('a');
    jest.setSystemTime(0);
    await pass(100);

    expect(cache.peek()).toBeUndefined();
  });
});

describe('a refresh ahead', () => {
  test('When a refresh is due, then the next caller starts it and no caller waits for it', async () => {
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

  test('When a refresh fails, then callers get the old value and the next refresh starts after the pause', async () => {
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

  test('When the value expires during a refresh, then callers wait for that refresh', async () => {
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
  test('When a failure is not cached, then the next caller fetches, and failures count until a fetch succeeds', async () => {
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

  test('When a failure is cached, then callers get it without a fetch until it expires', async () => {
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

  test('When a cached failure is forgotten, then the next caller fetches', async () => {
    const { cache, fail, fill } = setUp({ cacheMilliseconds: 50 });
    const first = outcomeOf(cache.get());
    await fail('away');
    cache.forgetFailure();

    expect(await fill('a')).toBe('a');
    expect(first.now).toMatchObject({ message: 'away' });
  });

  test('When callers may wait for the next fetch, then they wait at most half of the timeout', async () => {
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
    expect(fetches[1]?.deadline).toBe(2_500); // The call plus one timeout.
  });

  test('When a fetch fails, then `last` still has the previous value', async () => {
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
  test('When the last fetch started within the cooldown, then its value is reused', async () => {
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

  test('When the last fetch failed within the cooldown, then its failure is reused', async () => {
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
  test('When a fetch is in flight, then only the callers that wait get its value', async () => {
    const { cache, fetches, answer } = setUp();
    const waiting = cache.get();
    cache.invalidate();
    const next = cache.get();
    await answer('new');
    fetches[0]?.resolve(fetched('old'));

    expect([await waiting, await next, cache.last]).toEqual(['old', 'new', 'new']);
  });

  test('When a fetch in flight fails, then only the callers that wait get its failure', async () => {
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

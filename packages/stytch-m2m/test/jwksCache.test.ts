import { inspect } from 'node:util';
import type { KeyLike } from 'jose';
import { JwksUnavailableError, JwksCache, type JwksFetchEvent } from '../src/resource/jwksCache';
import { createSigningKey } from './jwt';
import { jwksOf, TestProject } from './project';
import { deferred, outcomeOf, pass, flushPromises, startOfTest, stopTheClock } from './timers';

const nextKey = createSigningKey('jwk-test-2');
const project = new TestProject();

beforeEach(() => {
  stopTheClock();
  project.getJwks.mockReset();
  project.serve(project.key);
});
afterEach(() => {
  jest.restoreAllMocks();
  jest.useRealTimers();
});

/** A JWKS cache, and the times of its fetches in milliseconds since the start. */
function setUp() {
  const fetchedAt: number[] = [];
  const { projectId } = project;
  const getJWKS = (...given: Parameters<typeof project.client.sessions.getJWKS>) => {
    fetchedAt.push(Date.now() - startOfTest);
    return project.client.sessions.getJWKS(...given);
  };
  const keys = new JwksCache({ client: { sessions: { getJWKS } }, projectId });
  return { keys, fetchedAt, find: async (kid: string) => (await keys.getKey(kid)) !== undefined };
}

/** Looks up ten unknown keys every 100 ms for this many milliseconds. Resolves to the distinct outcomes. */
async function flood(keys: JwksCache, milliseconds: number): Promise<Set<unknown>> {
  const outcomes = new Set<unknown>();
  for (let at = 0; at < milliseconds; at += 100) {
    for (let index = 0; index < 10; index += 1) {
      keys.getKey(`invented-${at}-${index}`).then(
        (key) => outcomes.add(key),
        (error: unknown) => outcomes.add((error as Error).name),
      );
    }
    await pass(100);
  }
  return outcomes;
}

function pausesBetween(times: readonly number[]): number[] {
  return times.slice(1).map((at, index) => at - (times[index] ?? 0));
}

describe('fetching', () => {
  test('When 1,000 callers look up a key, then one fetch serves them all', async () => {
    const { find } = setUp();

    const found = await Promise.all(Array.from({ length: 1_000 }, () => find('jwk-test-1')));

    expect(new Set(found)).toEqual(new Set([true]));
    expect(project.getJwks.mock.calls).toEqual([[{ project_id: 'project-test-1' }]]);
  });

  test('When a fetch succeeds or fails, then onJwksFetch gets its outcome, and its own errors change nothing', async () => {
    const events: JwksFetchEvent[] = [];
    const onJwksFetch = (event: JwksFetchEvent) => {
      events.push(event);
      throw new Error('a failing hook');
    };
    const { client, projectId } = project;
    const keys = new JwksCache({ client, projectId, onJwksFetch });
    project.getJwks.mockRejectedValueOnce(new Error('down'));

    await expect(keys.getKey('jwk-test-1')).rejects.toBeInstanceOf(JwksUnavailableError);
    await pass(2_000);
    expect(await keys.getKey('jwk-test-1')).toBeDefined();

    expect(events).toEqual([
      { type: 'failed', error: expect.any(Error) },
      { type: 'fetched', milliseconds: expect.any(Number) },
    ]);
  });

  test('When the keys have been fetched, then they are available, and not before', async () => {
    const { keys } = setUp();
    const before = keys.available;

    keys.refresh();
    await flushPromises();

    expect([before, keys.available]).toEqual([false, true]);
  });

  test.each([
    [null],
    ['<html>'],
    [{}],
    [{ keys: null }],
    [{ keys: 'jwk-test-1' }],
    [{ keys: {} }],
    [{ keys: [] }],
    [{ keys: [null, 7, 'x', [], {}] }],
    [{ keys: [{ kty: 'RSA', kid: 'jwk-test-1', use: 'sig', alg: 'RS256' }] }],
    [{ keys: [{ kty: 'RSA', kid: 'jwk-test-1', n: 'AQAB', e: 7 }] }],
  ])(
    'When Stytch answers with %j, then that is not accepted as a JWKS and the cached keys stay',
    async (garbage) => {
      const { keys, find } = setUp();
      project.getJwks.mockResolvedValue(garbage);
      const cold = await find('jwk-test-1').catch((error: unknown) => error);
      await pass(1_000);
      project.serve(project.key);
      await find('jwk-test-1');
      project.getJwks.mockResolvedValue(garbage);
      await pass(150_000);

      await find('jwk-test-1');
      await flushPromises();

      expect(cold).toBeInstanceOf(JwksUnavailableError);
      expect(keys.has('jwk-test-1')).toBe(true);
      expect(await find('jwk-test-1')).toBe(true);
    },
  );

  test('When the JWKS also has foreign and malformed keys, then only the project’s key is cached', async () => {
    const { publicJwk } = project.key;
    const { keys, find } = setUp();
    const foreign = [
      { ...publicJwk, kid: 'elliptic', kty: 'EC', crv: 'P-256' },
      { ...publicJwk, kid: 'secret', kty: 'oct', k: 'AAAA' },
      { ...publicJwk, kid: 'encryption', use: 'enc' },
      { ...publicJwk, kid: 'algorithm', alg: 'RS512' },
      { ...publicJwk, kid: 'modulus', n: undefined },
      { ...publicJwk, kid: '' },
      { ...publicJwk, kid: undefined },
      null,
    ];
    project.getJwks.mockResolvedValue({ keys: [...foreign, publicJwk] });

    await find('jwk-test-1');

    const kids = ['jwk-test-1', ...foreign.map((key) => key?.kid ?? 'undefined')];
    expect(kids.filter((kid) => keys.has(kid))).toEqual(['jwk-test-1']);
  });

  test('When a key has neither use nor alg, then it is cached', async () => {
    const { kty, n, e } = project.key.publicJwk;
    project.getJwks.mockResolvedValue({ keys: [{ kty, n, e, kid: 'jwk-test-1' }] });

    expect(await setUp().find('jwk-test-1')).toBe(true);
  });

  test('When the JWKS leaks a private key, then only its public part is cached', async () => {
    const leaked = { ...project.key.privateKey.export({ format: 'jwk' }), kid: 'jwk-test-1' };
    project.getJwks.mockResolvedValue({ keys: [leaked] });
    const { keys } = setUp();

    const key: KeyLike | undefined = await keys.getKey('jwk-test-1');

    expect(key?.type).toBe('public');
    expect(inspect(keys, { depth: Infinity, showHidden: true })).not.toContain(leaked.d);
  });
});

describe('a key that is not cached', () => {
  test('When the JWKS has just been fetched, then a new key is found after five seconds', async () => {
    const { keys, find, fetchedAt } = setUp();
    await find('jwk-test-1');
    project.serve(project.key, nextKey);

    await pass(4_999);
    const before = await keys.getKey('jwk-test-2');
    await pass(1);

    expect(before).toBeUndefined();
    expect(await find('jwk-test-2')).toBe(true);
    expect(fetchedAt).toEqual([0, 5_000]);
  });

  test('When the JWKS was fetched long ago, then a new key is found at once', async () => {
    const { find } = setUp();
    await find('jwk-test-1');
    await pass(100_000);
    project.serve(project.key, nextKey);

    expect(await find('jwk-test-2')).toBe(true);
  });

  test('When a fetch is slow, then the age of the keys and the five seconds count from its start', async () => {
    const { keys, find } = setUp();
    const slow = deferred<unknown>();
    project.getJwks.mockReturnValue(slow.promise);
    const first = find('jwk-test-1');
    await pass(2_900);
    slow.resolve(jwksOf(project.key));
    await first;
    const { expiresAt } = keys;
    project.serve(project.key, nextKey);
    await pass(2_100);

    expect(expiresAt).toBe(300_000);
    expect(await find('jwk-test-2')).toBe(true);
  });

  test('When many callers look up a new key during its fetch, then all of them get it', async () => {
    const { find, fetchedAt } = setUp();
    await find('jwk-test-1');
    await pass(5_000);
    const slow = deferred<unknown>();
    project.getJwks.mockReturnValue(slow.promise);
    const looking = Array.from({ length: 100 }, () => find('jwk-test-2'));
    await pass(2_000);
    looking.push(find('jwk-test-2'));
    slow.resolve(jwksOf(project.key, nextKey));

    expect(new Set(await Promise.all(looking))).toEqual(new Set([true]));
    expect(fetchedAt).toEqual([0, 5_000]);
  });

  test('When many unknown key ids come, then there is one fetch in five seconds', async () => {
    const { keys, find, fetchedAt } = setUp();
    await find('jwk-test-1');

    const outcomes = await flood(keys, 60_000);

    expect(outcomes).toEqual(new Set([undefined]));
    expect(fetchedAt).toEqual([0, ...Array.from({ length: 11 }, (_, index) => 5_000 * (index + 1))]);
  });

  test('When many unknown key ids come during an outage, then there is still one fetch in five seconds', async () => {
    const { keys, find, fetchedAt } = setUp();
    await find('jwk-test-1');
    project.fail();

    const outcomes = await flood(keys, 60_000);

    expect(outcomes).toEqual(new Set([undefined, 'JwksUnavailableError']));
    expect(Math.min(...pausesBetween(fetchedAt))).toBeGreaterThanOrEqual(5_000);
    expect(await find('jwk-test-1')).toBe(true);
  });

  test('When the fetch for an unknown key fails, then getKey rejects with a JwksUnavailableError', async () => {
    const { keys, find } = setUp();
    await find('jwk-test-1');
    await pass(5_000);
    project.fail();

    await expect(keys.getKey('jwk-test-2')).rejects.toBeInstanceOf(JwksUnavailableError);
    await pass(4_999);
    await expect(keys.getKey('jwk-test-2')).rejects.toMatchObject({ retryAfterSeconds: 1 });
  });
});

describe('an outage', () => {
  test('When the JWKS is unavailable, then all callers share one fetch at a time, with back-off', async () => {
    const { keys, fetchedAt } = setUp();
    project.fail();
    jest.spyOn(Math, 'random').mockReturnValue(1);

    const outcomes = await flood(keys, 30_000);

    expect(outcomes).toEqual(new Set(['JwksUnavailableError']));
    expect(fetchedAt).toEqual([0, 1_000, 3_000, 7_000, 12_000, 17_000, 22_000, 27_000]);
  });

  test('When a fetch has failed, then the error says when to retry', async () => {
    const { keys } = setUp();
    project.fail();
    jest.spyOn(Math, 'random').mockReturnValue(1);
    await flood(keys, 3_100);

    await expect(keys.getKey('jwk-test-1')).rejects.toMatchObject({
      retryAfterSeconds: 4,
      message: expect.stringContaining('The JWKS is unavailable: Stytch could not be reached') as string,
    });
  });

  test('When the outage ends, then the next fetch gets the keys and the back-off starts again', async () => {
    const { keys, find, fetchedAt } = setUp();
    project.fail();
    jest.spyOn(Math, 'random').mockReturnValue(1);
    await flood(keys, 13_000);
    project.serve(project.key);
    await pass(4_000);
    const found = await find('jwk-test-1');
    project.fail();
    await pass(300_000);
    fetchedAt.length = 0;

    await flood(keys, 3_000);

    expect(found).toBe(true);
    expect(pausesBetween(fetchedAt)).toEqual([1_000]);
  });

  test('When Stytch hangs, then all callers fail at the timeout of one fetch', async () => {
    const { keys, fetchedAt } = setUp();
    project.hang();
    const calls = [outcomeOf(keys.getKey('jwk-test-1')), outcomeOf(keys.getKey('jwk-test-2'))];

    await pass(2_999);
    const before = calls.map(({ now }) => now);
    await pass(1);

    expect(before).toEqual(['pending', 'pending']);
    for (const { now } of calls) expect(now).toBeInstanceOf(JwksUnavailableError);
    expect(fetchedAt).toEqual([0]);
  });
});

describe('fetching ahead', () => {
  test('When Stytch is unavailable at the start, then the keys are fetched once it is available', async () => {
    const { keys, fetchedAt } = setUp();
    project.fail();
    jest.spyOn(Math, 'random').mockReturnValue(1);
    keys.start();
    await pass(8_000);
    const before = keys.available;
    project.serve(project.key);

    await pass(4_000);
    await pass(60_000);

    expect([before, keys.available]).toEqual([false, true]);
    expect(fetchedAt).toEqual([0, 1_000, 3_000, 7_000, 12_000]);
    expect(jest.getTimerCount()).toBe(0);
  });

  test.each([
    ['between two fetches', 1_500],
    ['during a fetch', 0],
  ])('When the cache is stopped %s, then there are no more fetches', async (_when, milliseconds) => {
    const { keys, fetchedAt } = setUp();
    project.fail();
    jest.spyOn(Math, 'random').mockReturnValue(1);
    keys.start();
    if (milliseconds > 0) await pass(milliseconds);

    keys.stop();
    const tried = fetchedAt.length;
    await pass(60_000);

    expect(fetchedAt).toHaveLength(tried);
    expect(jest.getTimerCount()).toBe(0);
  });

  test('When the cache is started twice, then there is one series of fetches, which one stop ends', async () => {
    const { keys, fetchedAt } = setUp();
    project.fail();
    jest.spyOn(Math, 'random').mockReturnValue(1);
    keys.start();
    keys.start();
    await pass(8_000);

    keys.stop();
    await pass(60_000);

    expect(fetchedAt).toEqual([0, 1_000, 3_000, 7_000]);
  });
});

describe('the maximum age of the keys', () => {
  test('When the keys reach half of their maximum age, then they are refreshed ahead and no caller waits', async () => {
    const { keys, find } = setUp();
    await find('jwk-test-1');
    const slow = deferred<unknown>();
    project.getJwks.mockReturnValue(slow.promise);
    await pass(149_999);
    await find('jwk-test-1');
    const before = project.getJwks.mock.calls.length;
    await pass(1);

    const found = await Promise.all(Array.from({ length: 100 }, () => find('jwk-test-1')));
    slow.resolve(jwksOf(nextKey));
    await flushPromises();

    expect(before).toBe(1);
    expect(new Set(found)).toEqual(new Set([true]));
    expect(project.getJwks).toHaveBeenCalledTimes(2);
    expect([keys.has('jwk-test-1'), keys.has('jwk-test-2')]).toEqual([false, true]);
    expect(keys.expiresAt).toBe(450_000);
  });

  test('When the keys reach their maximum age, then they are not used until they are fetched again', async () => {
    const { keys, find } = setUp();
    await find('jwk-test-1');
    project.fail();
    await pass(299_999);
    const before = await find('jwk-test-1');
    await pass(1);

    await expect(keys.getKey('jwk-test-1')).rejects.toBeInstanceOf(JwksUnavailableError);

    expect(before).toBe(true);
    expect(keys.failing).toBe(true);
    project.serve(nextKey);
    await pass(5_000);
    expect(await find('jwk-test-1')).toBe(false);
    expect(await find('jwk-test-2')).toBe(true);
    expect(keys.failing).toBe(false);
  });
});

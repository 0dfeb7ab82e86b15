import { inspect } from 'node:util';
import { AccessTokenUnavailableError } from '../src';
import { advance, expectUnavailable, fail, setUp, tokenAnswer, type TokenAnswer } from './accessTokensSetUp';
import { closeNetwork } from './loopback';
import { networkError, oauthError } from './stytchErrors';
import { advanceTo, deferred, outcomeOf, pass, flushPromises, startOfTest, stopTheClock } from './timers';

closeNetwork();
beforeEach(stopTheClock);
afterEach(() => {
  jest.restoreAllMocks();
  jest.useRealTimers();
});

describe('single flight', () => {
  test('When 1,000 callers ask on a cold cache, then one request serves them all', async () => {
    const { accessTokens, token } = setUp();

    const acquired = await Promise.all(
      Array.from({ length: 1_000 }, () => accessTokens.getAccessToken(['read:users'])),
    );

    expect(token).toHaveBeenCalledTimes(1);
    expect(new Set(acquired.map(({ accessToken, source }) => `${source} ${accessToken}`))).toEqual(
      new Set(['issued token-1']),
    );
  });

  test('When the shared request fails, then all waiting calls fail, and a later call makes a new request', async () => {
    const { get, token, behave } = setUp();
    behave(fail(oauthError(400, 'invalid_scope')));

    const calls = await Promise.allSettled([get(), get(), get()]);
    behave();
    await pass(5_000);
    const later = await get();

    expect(calls.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(later).toBe('token-1');
    expect(token).toHaveBeenCalledTimes(2);
  });

  test('When the same scopes come in another order or twice, then they share one token', async () => {
    const { get, token } = setUp();

    const tokens = await Promise.all([
      get('write:users', 'read:users'),
      get('read:users', 'write:users'),
      get('read:users', 'write:users', 'read:users'),
    ]);

    expect(tokens).toEqual(['token-1', 'token-1', 'token-1']);
    expect(token.mock.calls).toEqual([
      [
        {
          client_id: 'm2m-client-test-1',
          client_secret: 'secret-1',
          scopes: ['read:users', 'write:users'],
        },
      ],
    ]);
  });

  test('When scopes differ, then each set of scopes has its own token', async () => {
    const { get } = setUp();

    const tokens = [await get('read:users'), await get('write:users'), await get('read:users')];

    expect(tokens).toEqual(['token-1', 'token-2', 'token-1']);
  });
});

describe('how long a token is cached', () => {
  const lifetimes = [2, 3, 5, 60, 3_600, 86_400];

  test.each(lifetimes)(
    'When a token lives %d s, then it is used until shortly before it expires',
    async (s) => {
      const { get, behave } = setUp({ expiresIn: s });
      await get();
      behave(fail(networkError()));
      const lifetime = s * 1_000;
      const safety = 1_000 + Math.min(2_000, lifetime / 10);

      advanceTo(startOfTest + lifetime - safety - 1);
      const atTheEnd = await get();
      advanceTo(startOfTest + lifetime - safety);
      const afterwards = outcomeOf(get());
      await pass(5_000);

      expect(atTheEnd).toBe('token-1');
      expect(afterwards.now).toBeInstanceOf(AccessTokenUnavailableError);
    },
  );

  describe.each([0, 0.5, 0.999])('with a jitter of %d', (jitter) => {
    test.each(lifetimes)(
      'When a token lives %d s, then its refresh starts when its refresh window starts',
      async (s) => {
        const { get, token } = setUp({ expiresIn: s });
        const random = jest.spyOn(Math, 'random').mockReturnValue(jitter);
        await get();
        random.mockReturnValue(0.3); // The jitter of this token is already fixed.
        const lifetime = s * 1_000;
        const usable = lifetime - 1_000 - Math.min(2_000, lifetime / 10);
        const window = Math.min(300_000, lifetime / 10) * (1 + jitter);

        advanceTo(Math.ceil(startOfTest + usable - window) - 1);
        await get();
        const before = token.mock.calls.length;
        advanceTo(Math.ceil(startOfTest + usable - window));
        await get();

        expect(before).toBe(1);
        expect(token).toHaveBeenCalledTimes(2);
        expect(window).toBeLessThan(usable);
      },
    );
  });

  test('When a token lives only slightly longer than its margins, then it is not refreshed at once', async () => {
    jest.spyOn(Math, 'random').mockReturnValue(0.999);
    const { get, token } = setUp({ expiresIn: 1.2 });

    const tokens = [await get(), await get(), await get()];

    expect(tokens).toEqual(['token-1', 'token-1', 'token-1']);
    expect(token).toHaveBeenCalledTimes(1);
  });

  test('When a token lives one second, then the waiting callers get it and it is not cached', async () => {
    const { get } = setUp({ expiresIn: 1 });

    const tokens = [...(await Promise.all([get(), get()])), await get()];

    expect(tokens).toEqual(['token-1', 'token-1', 'token-2']);
  });

  test('When the answer is slow, then the lifetime of the token counts from the request', async () => {
    const { get, behave } = setUp();
    const slow = deferred<TokenAnswer>();
    behave(() => slow.promise);
    const first = get();
    await pass(2_500);
    slow.resolve(tokenAnswer('slow-token', 3));
    behave();

    const tokens = [await first, await get()];

    expect(tokens).toEqual(['slow-token', 'token-1']);
  });
});

describe('a token that was rejected', () => {
  test('When the cached token is invalidated, then the next caller gets a new one', async () => {
    const { accessTokens, typesOfEvents } = setUp();
    const { accessToken } = await accessTokens.getAccessToken(['read:users']);

    accessTokens.invalidate(accessToken);
    const next = await accessTokens.getAccessToken(['read:users']);

    expect(next).toEqual({ accessToken: 'token-2', source: 'refreshed' });
    expect(typesOfEvents()).toEqual(['issued', 'invalidated', 'refreshed']);
  });

  test('When many callers invalidate the same token, then only the first has an effect', async () => {
    const { accessTokens, get, token } = setUp();
    const rejected = await get();
    accessTokens.invalidate(rejected);
    await get();

    for (let caller = 0; caller < 100; caller += 1) accessTokens.invalidate(rejected);
    const next = await get();

    expect(next).toBe('token-2');
    expect(token).toHaveBeenCalledTimes(2);
  });

  test('When a token is invalidated, then the tokens of other scopes stay cached', async () => {
    const { accessTokens, get } = setUp();
    const rejected = await get('read:users');
    const other = await get('write:users');

    accessTokens.invalidate(rejected);

    expect(await get('write:users')).toBe(other);
  });

  test('When a token is invalidated while its refresh is in flight, then the refreshed token is not cached', async () => {
    const { accessTokens, get, behave, token } = setUp({ expiresIn: 5 });
    const rejected = await get();
    const early = deferred<TokenAnswer>();
    behave(() => early.promise);
    await pass(3_400);
    await get();
    accessTokens.invalidate(rejected);
    behave();

    const afterInvalidation = await get();
    early.resolve(tokenAnswer('asked for before the invalidation'));
    await flushPromises();
    const cached = await get();

    expect([afterInvalidation, cached]).toEqual(['token-2', 'token-2']);
    expect(token).toHaveBeenCalledTimes(3);
  });

  test('When a refresh in flight fails after the invalidation, then its failure is not reported', async () => {
    const { accessTokens, get, behave, typesOfEvents } = setUp({ expiresIn: 5 });
    const rejected = await get();
    const early = deferred<TokenAnswer>();
    behave(() => early.promise);
    await pass(3_400);
    await get();
    accessTokens.invalidate(rejected);
    behave();
    await get();

    early.reject(oauthError(400, 'invalid_client'));
    await flushPromises();

    expect(typesOfEvents()).not.toContain('failed');
  });
});

describe('a new secret', () => {
  test('When the secret changes while a request is in flight, then its token is not cached', async () => {
    const { credentials, get, behave, token } = setUp();
    const early = deferred<TokenAnswer>();
    behave(() => early.promise);
    const waiting = get();
    credentials.replaceSecret('secret-2');
    early.resolve(tokenAnswer('asked for with the old secret'));
    behave();

    const tokens = [await waiting, await get()];

    expect(tokens).toEqual(['asked for with the old secret', 'token-1']);
    expect(token.mock.calls.map(([{ client_secret }]) => client_secret)).toEqual(['secret-1', 'secret-2']);
  });

  test('When the old secret is refused after a replacement, then the new one is tried at once', async () => {
    const { credentials, get, behave } = setUp();
    const early = deferred<TokenAnswer>();
    behave(() => early.promise);
    const waiting = get();
    credentials.replaceSecret('secret-2');
    behave();
    early.reject(oauthError(400, 'invalid_client'));

    expect(await waiting).toBe('token-1');
  });

  test('When the old secret is refused at the deadline, then the new one can still get a token', async () => {
    const { credentials, get, behave } = setUp();
    const early = deferred<TokenAnswer>();
    behave(() => early.promise);
    const waiting = get();
    credentials.replaceSecret('secret-2');
    jest.spyOn(performance, 'now').mockReturnValue(performance.now() + 5_000);
    early.reject(oauthError(400, 'invalid_client'));
    await expectUnavailable(waiting, { reason: 'refused' });
    behave();

    expect(await get()).toBe('token-1');
  });
});

describe('events', () => {
  test('When tokens are issued, cached, invalidated and unavailable, then the events contain no token and no secret', async () => {
    const { accessTokens, events, get, behave } = setUp({ expiresIn: 60 });
    behave(async () => {
      await new Promise((resolve) => setTimeout(resolve, 40));
      return tokenAnswer('a-token', 60);
    });
    await advance(get(), 40);
    await get();
    accessTokens.invalidate('a-token');
    behave(fail(networkError()));
    await expectUnavailable(advance(get(), 5_000), { reason: 'unavailable' });
    behave();
    await get();

    const scopes = ['read:users'];
    expect(events).toEqual([
      { type: 'issued', scopes, expiresInSeconds: 60, milliseconds: 40 },
      { type: 'cache_hit', scopes },
      { type: 'invalidated', scopes },
      { type: 'failed', scopes, error: expect.any(AccessTokenUnavailableError) },
      { type: 'refreshed', scopes, expiresInSeconds: 60, milliseconds: 0 },
    ]);
    expect(inspect(events, { depth: Infinity, showHidden: true })).not.toMatch(/a-token|token-1|secret-1/);
  });
});

describe('the number of scope sets', () => {
  test('When the number exceeds the maximum, then the oldest set is evicted with its token', async () => {
    const { get, token } = setUp();
    for (let set = 0; set < 1_001; set += 1) await get(`read:${set}`);
    token.mockClear();

    await get('read:1');
    await get('read:1000');
    const kept = token.mock.calls.length;
    await get('read:0');

    expect(kept).toBe(0);
    expect(token).toHaveBeenCalledTimes(1);
  });

  test('When a set of scopes is evicted while its request is in flight, then the token is not cached', async () => {
    const { get, behave, token } = setUp();
    const early = deferred<TokenAnswer>();
    behave(() => early.promise);
    const waiting = get('read:0');
    behave();
    for (let set = 1; set <= 1_000; set += 1) await get(`read:${set}`);
    early.resolve(tokenAnswer('forgotten'));
    await waiting;
    token.mockClear();

    expect(await get('read:0')).not.toBe('forgotten');
    expect(token).toHaveBeenCalledTimes(1);
  });
});

test('When the onEvent hook throws, then callers still get a token', async () => {
  const { get } = setUp({
    onEvent: () => {
      throw new Error('a hook that fails');
    },
  });

  expect([await get(), await get()]).toEqual(['token-1', 'token-1']);
});

test('When every token is rejected, then at most one token a second is requested', async () => {
  const { accessTokens, get, token } = setUp();

  for (let call = 0; call < 30; call += 1) {
    accessTokens.invalidate(await get());
    await pass(100);
  }

  expect(token).toHaveBeenCalledTimes(4);
  expect(await get()).toBe('token-4');
});

import { AccessTokenUnavailableError, StytchUnavailableError } from '../src';
import { advance, expectUnavailable, fail, setUp, type TokenAnswer } from './accessTokensSetUp';
import { closeNetwork } from './loopback';
import { apiError, networkError, oauthError } from './stytchErrors';
import { outcomeOf, pass, flushPromises, startOfTest, stopTheClock } from './timers';

closeNetwork();
beforeEach(stopTheClock);
afterEach(() => {
  jest.restoreAllMocks();
  jest.useRealTimers();
});

describe('failures', () => {
  test.each([
    ['Stytch fails', apiError(500, 'internal_server_error')],
    ['Stytch is too busy', apiError(429, 'too_many_requests')],
    ['Stytch cannot be reached', networkError()],
    ['the answer is not JSON', networkError('Unable to parse JSON response from server: <')],
  ])('When %s, then the request is retried after growing pauses', async (_case, error) => {
    jest.spyOn(Math, 'random').mockReturnValue(1);
    const { behave, get, requestedAt, token } = setUp();
    behave(fail(error));
    const call = get();
    await pass(1_500);
    behave();
    await pass(1_500);

    expect(await call).toBe('token-1');
    expect(requestedAt.map((at) => at - startOfTest)).toEqual([0, 200, 600, 1_400, 3_000]);
    expect(token).toHaveBeenCalledTimes(5);
  });

  test('When every try fails, then the pauses have jitter and the call ends at its deadline', async () => {
    const { behave, get, requestedAt, typesOfEvents } = setUp();
    behave(fail(networkError()));

    await expectUnavailable(advance(get(), 5_000), { reason: 'unavailable' });

    const pauses = requestedAt.slice(1).map((at, index) => at - (requestedAt[index] ?? 0));
    pauses.forEach((pause, index) => {
      const longest = Math.min(2_000, 200 * 2 ** index);
      expect(pause).toBeGreaterThanOrEqual(Math.floor(longest / 10));
      expect(pause).toBeLessThanOrEqual(longest);
    });
    expect(pauses.length).toBeGreaterThan(2);
    expect(Date.now()).toBe(startOfTest + 5_000);
    expect(typesOfEvents()).toEqual(['failed']);
  });

  test.each(['invalid_client', 'invalid_scope'])(
    'When Stytch answers %s, then the refusal is cached for a short time and no request is made',
    async (error) => {
      const { accessTokens, get, behave, token } = setUp();
      behave(fail(oauthError(400, error)));

      await expectUnavailable(get(), { reason: 'refused', retryAfterSeconds: 5 });
      await pass(3_000);
      for (let caller = 0; caller < 100; caller += 1) {
        await expectUnavailable(accessTokens.getAccessToken(['read:users']), {
          reason: 'refused',
          retryAfterSeconds: 2,
        });
      }
      const storm = token.mock.calls.length;
      behave();
      await pass(2_000);
      const later = await get();

      expect(storm).toBe(1);
      expect(later).toBe('token-1');
    },
  );

  test('When a refusal is cached and the secret changes, then the new secret is tried at once', async () => {
    const { credentials, get, behave, token } = setUp();
    behave(fail(oauthError(400, 'invalid_client')));
    await expectUnavailable(get(), { reason: 'refused' });
    behave();
    credentials.replaceSecret('secret-2');

    expect(await get()).toBe('token-1');
    expect(token.mock.lastCall?.[0].client_secret).toBe('secret-2');
  });

  test('When refusals are cached for less than a second, then they expire on time', async () => {
    const { get, behave } = setUp({ refusalMilliseconds: 200 });
    behave(fail(oauthError(400, 'invalid_client')));
    await expectUnavailable(get(), { reason: 'refused' });
    behave();
    await pass(200);

    expect(await get()).toBe('token-1');
  });

  test('When Stytch hangs, then all calls fail at their deadline', async () => {
    const { get, behave, token, events } = setUp();
    behave(() => new Promise(() => undefined));
    const calls = [outcomeOf(get()), outcomeOf(get())];

    await pass(4_999);
    const before = calls.map(({ now }) => now);
    await pass(1);

    expect(before).toEqual(['pending', 'pending']);
    for (const { now } of calls) expect(now).toMatchObject({ reason: 'timeout' });
    expect(calls[0]?.now).toBeInstanceOf(AccessTokenUnavailableError);
    expect((calls[0]?.now as Error).cause).toBeInstanceOf(StytchUnavailableError);
    expect(token).toHaveBeenCalledTimes(1);
    expect(events).toEqual([{ type: 'failed', scopes: ['read:users'], error: calls[0]?.now }]);
  });

  test('When Stytch hangs after failures, then the deadline counts from the first try', async () => {
    const { get, behave } = setUp({ timeoutMilliseconds: 1_000 });
    behave(fail(networkError()));
    const call = outcomeOf(get());
    await flushPromises();
    behave(() => new Promise(() => undefined));

    await pass(999);
    const before = call.now;
    await pass(1);

    expect(before).toBe('pending');
    expect(call.now).toMatchObject({ reason: 'timeout' });
  });

  test.each([
    [null],
    ['a text'],
    [{}],
    [{ expires_in: 3_600 }],
    [{ access_token: '', expires_in: 3_600 }],
    [{ access_token: 7, expires_in: 3_600 }],
    [{ access_token: 'x' }],
    [{ access_token: 'x', expires_in: 0 }],
    [{ access_token: 'x', expires_in: -1 }],
    [{ access_token: 'x', expires_in: '3600' }],
    [{ access_token: 'x', expires_in: true }],
    [{ access_token: 'x', expires_in: Infinity }],
  ])('When Stytch answers 200 with %j, then the answer is not accepted as a token', async (malformed) => {
    const { get, behave, token } = setUp();
    behave(() => Promise.resolve(malformed as TokenAnswer));

    await expectUnavailable(advance(get(), 5_000), { reason: 'unavailable' });
    behave();

    expect(token.mock.calls.length).toBeGreaterThan(2);
    expect(await get()).toBe('token-1');
  });
});

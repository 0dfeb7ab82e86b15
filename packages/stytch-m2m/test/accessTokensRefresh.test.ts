import { advance, expectUnavailable, fail, setUp, tokenAnswer, type TokenAnswer } from './accessTokensSetUp';
import { closeNetwork } from './loopback';
import { apiError, oauthError } from './stytchErrors';
import { deferred, pass, flushPromises, stopTheClock } from './timers';

closeNetwork();
beforeEach(stopTheClock);
afterEach(() => {
  jest.restoreAllMocks();
  jest.useRealTimers();
});

describe('refresh in the background', () => {
  test('When a token is in its refresh window, then callers get it at once while one request refreshes it', async () => {
    const { accessTokens, token, behave } = setUp({ expiresIn: 5 });
    await accessTokens.getAccessToken(['read:users']);
    const refresh = deferred<TokenAnswer>();
    behave(() => refresh.promise);
    await pass(3_400);

    const during = await Promise.all(
      Array.from({ length: 100 }, () => accessTokens.getAccessToken(['read:users'])),
    );
    const requests = token.mock.calls.length;
    refresh.resolve(tokenAnswer('refreshed-token', 5));
    await flushPromises();
    const afterwards = await accessTokens.getAccessToken(['read:users']);

    expect(new Set(during.map(({ accessToken, source }) => `${source} ${accessToken}`))).toEqual(
      new Set(['cache token-1']),
    );
    expect(requests).toBe(2);
    expect(afterwards).toEqual({ accessToken: 'refreshed-token', source: 'cache' });
  });

  test('When a token expires during its refresh, then callers wait for that refresh', async () => {
    const { get, token, behave } = setUp({ expiresIn: 5 });
    await get();
    const refresh = deferred<TokenAnswer>();
    behave(() => refresh.promise);
    await pass(3_400);
    await get();
    await pass(1_000);
    const waiting = get();
    refresh.resolve(tokenAnswer('refreshed-token', 5));

    expect(await waiting).toBe('refreshed-token');
    expect(token).toHaveBeenCalledTimes(2);
  });

  test('When refreshes fail, then callers get the old token until it expires, and the tries back off', async () => {
    jest.spyOn(Math, 'random').mockReturnValue(1);
    const { accessTokens, behave, events, get } = setUp({ expiresIn: 3_600 });
    await get();
    behave(fail(apiError(503, 'internal_server_error')));
    const failedAt: number[] = [];
    const given = new Set<string>();
    await pass(2_990_000);

    for (let second = 2_990; second < 3_597; second += 1) {
      given.add(await get());
      await pass(1_000);
      if (events.at(-1)?.type === 'failed') failedAt.push(second);
    }
    await expectUnavailable(advance(get(), 5_000), { reason: 'unavailable' });
    behave();
    const recovered = await accessTokens.getAccessToken(['read:users']);

    const pauses = failedAt.slice(1).map((at, index) => at - (failedAt[index] ?? 0));
    expect([...given]).toEqual(['token-1']);
    expect(pauses.slice(0, 6)).toEqual([4, 5, 7, 11, 19, 33]);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(34);
    expect(recovered).toEqual({ accessToken: 'token-2', source: 'refreshed' });
  });

  test('When a refresh succeeds after failures, then the back-off starts again', async () => {
    jest.spyOn(Math, 'random').mockReturnValue(1);
    const { get, behave, token } = setUp({ expiresIn: 100 });
    const refuse = fail(oauthError(400, 'invalid_client'));
    await get();
    behave(refuse);
    await pass(80_000);
    for (let tries = 0; tries < 4; tries += 1) {
      await get();
      await pass(3_500);
    }
    behave();
    await pass(30_000);
    await get();
    behave(refuse);
    await pass(80_000);
    await get();
    await flushPromises();
    token.mockClear();

    await pass(5_000);
    await get();

    expect(token).toHaveBeenCalledTimes(1);
  });
});

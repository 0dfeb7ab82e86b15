import { StytchApiError, StytchUnavailableError } from '../src';
import { callStytch } from '../src/stytch/callStytch';
import { expectUnavailable, setUp } from './accessTokensSetUp';
import { closeNetwork, listen, type LoopbackServer, sdkFor, until } from './loopback';
import { apiError } from './stytchErrors';
import { deferred, outcomeOf, pass, startOfTest, stopTheClock } from './timers';

interface Answer {
  status: number;
  retryAfter?: string;
  body: string;
}

/** The answer to each client id. These tests need real HTTP, because the SDK's errors carry no headers. */
let answers: Record<string, Answer>;
let requests: number;
let stytch: LoopbackServer;

closeNetwork();
beforeAll(async () => {
  stytch = await listen((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += String(chunk)));
    request.on('end', () => {
      requests += 1;
      const answer = answers[new URLSearchParams(body).get('client_id') ?? ''] ?? good;
      const headers = answer.retryAfter === undefined ? {} : { 'Retry-After': answer.retryAfter };
      response.writeHead(answer.status, headers).end(answer.body);
    });
  });
});
afterAll(() => stytch.close());
beforeEach(() => {
  requests = 0;
  answers = {};
  stopTheClock();
});
afterEach(() => {
  jest.restoreAllMocks();
  jest.useRealTimers();
});

const good: Answer = {
  status: 200,
  body: JSON.stringify({ status_code: 200, access_token: 'a-token', token_type: 'bearer', expires_in: 60 }),
};
const busy = { status_code: 429, error_type: 'too_many_requests', error_message: 'Too many.' };

function tooMany(retryAfter: string): Answer {
  return { status: 429, retryAfter, body: JSON.stringify(busy) };
}

describe('a call of the SDK', () => {
  const failure = (client_id: string): Promise<unknown> =>
    callStytch(() => sdkFor(stytch.url).m2m.token({ client_id, client_secret: 'secret-1' }), 5_000).then(
      () => undefined,
      (error: unknown) => error,
    );

  test.each([
    ['12', 12],
    ['0', 0],
    [new Date(startOfTest + 90_000).toUTCString(), 90],
    [new Date(startOfTest - 90_000).toUTCString(), 0],
    ['soon', undefined],
    ['99999999999', undefined],
  ])(
    'When Stytch answers 429 with Retry-After %s, then retryAfterSeconds is %s',
    async (retryAfter, seconds) => {
      answers = { client: tooMany(retryAfter) };

      const error = await failure('client');

      expect(error).toBeInstanceOf(StytchApiError);
      expect(error).toMatchObject({
        status: 429,
        errorType: 'too_many_requests',
        retryAfterSeconds: seconds,
      });
    },
  );

  test('When Stytch answers 500 without Retry-After, then retryAfterSeconds is undefined', async () => {
    answers = { client: { status: 500, body: JSON.stringify({ ...busy, status_code: 500 }) } };

    expect(await failure('client')).toMatchObject({ status: 500, retryAfterSeconds: undefined });
  });

  test('When a gateway answers 503 with HTML and Retry-After, then the error has the Retry-After', async () => {
    answers = { client: { status: 503, retryAfter: '7', body: '<html>' } };

    const error = await failure('client');

    expect(error).toBeInstanceOf(StytchUnavailableError);
    expect(error).toMatchObject({
      message: 'Stytch answered with something that is not JSON',
      retryAfterSeconds: 7,
    });
  });

  test('When calls run at the same time, then each error has the Retry-After of its own answer', async () => {
    const ids = Array.from({ length: 20 }, (_, index) => String(index));
    answers = Object.fromEntries(ids.map((id) => [id, tooMany(id)]));

    const errors = await Promise.all(ids.map(failure));

    expect(errors.map((error) => String((error as StytchApiError).retryAfterSeconds))).toEqual(ids);
  });

  test('When other code uses fetch during a call, then its headers do not count for the call', async () => {
    answers = { '': tooMany('60') };
    const open = deferred<unknown>();
    const call = callStytch(() => open.promise, 5_000);

    await (await fetch(stytch.url)).text();
    open.reject(apiError(429, 'too_many_requests'));

    await expect(call).rejects.toMatchObject({ status: 429, retryAfterSeconds: undefined });
  });
});

describe('access tokens', () => {
  const client = 'm2m-client-test-1';
  const accessTokens = () => setUp({ client: sdkFor(stytch.url) });

  let setTimer: jest.SpyInstance<unknown, Parameters<typeof setTimeout>>;
  beforeEach(() => {
    setTimer = jest.spyOn(globalThis, 'setTimeout');
  });
  /** Resolves when the code under test has set a timer of `least` to `most` milliseconds. */
  const waiting = (least: number, most = least) =>
    until(() => setTimer.mock.calls.some(([, delay = 0]) => delay >= least && delay <= most));

  test('When Stytch sends Retry-After: 2, then the next request waits so long and succeeds', async () => {
    jest.spyOn(Math, 'random').mockReturnValue(1);
    answers = { [client]: tooMany('2') };
    const { get } = accessTokens();
    const call = outcomeOf(get());
    await waiting(2_200);
    answers = {};
    await pass(2_199);
    const early = requests;
    await pass(1);
    await until(() => call.now !== 'pending');

    expect(early).toBe(1);
    expect(call.now).toBe('a-token');
    expect(requests).toBe(2);
  });

  test('When the Retry-After is longer than the timeout, then callers fail at once, without a request', async () => {
    answers = { [client]: tooMany('60') };
    const { get } = accessTokens();

    await expectUnavailable(get(), { reason: 'unavailable', retryAfterSeconds: 60 });
    await pass(20_000);
    await expectUnavailable(get(), { reason: 'unavailable', retryAfterSeconds: 40 });
    const early = requests;
    await pass(40_000);
    answers = {};

    expect(early).toBe(1);
    expect(await get()).toBe('a-token');
  });

  test('When a call is made shortly before the Retry-After is over, then it waits and succeeds', async () => {
    jest.spyOn(Math, 'random').mockReturnValue(1);
    answers = { [client]: tooMany('60') };
    const { get } = accessTokens();
    await expectUnavailable(get(), { retryAfterSeconds: 60 });
    answers = {};
    await pass(58_000);
    const call = outcomeOf(get());
    await waiting(2_200);
    await pass(2_200);
    await until(() => call.now !== 'pending');

    expect(call.now).toBe('a-token');
    expect(requests).toBe(2);
  });

  test('When Stytch sends Retry-After: 0, then retries still back off', async () => {
    jest.spyOn(Math, 'random').mockReturnValue(0);
    answers = { [client]: tooMany('0') };
    const { get } = accessTokens();
    const call = outcomeOf(get());
    for (let tries = 1; tries <= 3; tries += 1) {
      await waiting(20 * 2 ** (tries - 1));
      expect(requests).toBe(tries);
      await pass(20 * 2 ** (tries - 1));
      await until(() => requests === tries + 1);
    }

    expect(call.now).toBe('pending');
    answers = {};
    await waiting(160);
    await pass(160);
    await until(() => call.now !== 'pending');
    expect(call.now).toBe('a-token');
  });

  test('When the Retry-After is years long, then the next request is made after five minutes', async () => {
    answers = { [client]: tooMany('999999999') };
    const { get } = accessTokens();

    await expectUnavailable(get(), { retryAfterSeconds: 300 });
    answers = {};
    await pass(300_000);

    expect(await get()).toBe('a-token');
  });

  test('When a gateway answers 503 with HTML and Retry-After, then no request is made before that time', async () => {
    answers = { [client]: { status: 503, retryAfter: '60', body: '<html>' } };
    const { get } = accessTokens();

    await expectUnavailable(get(), { reason: 'unavailable', retryAfterSeconds: 60 });
    await expectUnavailable(get(), { reason: 'unavailable', retryAfterSeconds: 60 });

    expect(requests).toBe(1);
  });

  test('When Stytch postpones a refresh, then callers get the cached token and no request is made', async () => {
    const { get } = accessTokens();
    await get();
    answers = { [client]: tooMany('4') };
    await pass(51_500);
    const given = [await get()];
    await waiting(4_020, 4_200);
    for (let second = 0; second < 4; second += 1) {
      given.push(await get());
      await pass(1_000);
    }

    expect(new Set(given)).toEqual(new Set(['a-token']));
    expect(requests).toBe(2);
  });
});

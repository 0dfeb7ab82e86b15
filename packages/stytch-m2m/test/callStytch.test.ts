import { AsyncLocalStorage } from 'node:async_hooks';
import { inspect } from 'node:util';
import { callStytch, StytchApiError, StytchUnavailableError } from '../src';
import { closeNetwork, listen, sdkFor } from './loopback';
import { apiError, networkError, oauthError } from './stytchErrors';
import { deferred, outcomeOf, pass, flushPromises, stopTheClock } from './timers';

closeNetwork();
beforeEach(stopTheClock);
afterEach(() => {
  jest.useRealTimers();
});

async function failureOf(call: () => Promise<unknown>): Promise<unknown> {
  return callStytch(call, 5_000).then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** An error of another copy of the SDK: it has the same fields, but another class. */
function foreignError(status: number, errorType: string): Error {
  return Object.assign(new Error('{}'), Object.fromEntries(Object.entries(apiError(status, errorType))));
}

test('When Stytch answers, then the caller gets the answer and no timer is left', async () => {
  const answer = await callStytch(() => Promise.resolve({ status_code: 200 }), 5_000);

  expect(answer).toEqual({ status_code: 200 });
  expect(jest.getTimerCount()).toBe(0);
});

test.each([
  ['its API', apiError(404, 'm2m_client_not_found'), 404, 'm2m_client_not_found'],
  ['OAuth', oauthError(400, 'invalid_client'), 400, 'invalid_client'],
  ['another copy of the SDK', foreignError(401, 'unauthorized_credentials'), 401, 'unauthorized_credentials'],
])(
  'When Stytch answers with an error of %s, then the StytchApiError has its fields',
  async (_of, thrown, status, type) => {
    const error = await failureOf(() => Promise.reject(thrown));

    expect(error).toBeInstanceOf(StytchApiError);
    expect(error).toMatchObject({
      status,
      errorType: type,
      errorMessage: `described: ${type}`,
      stytchRequestId: 'request-id-test-1',
      retryAfterSeconds: undefined,
      message: `Stytch answered ${status} ${type}: described: ${type}`,
    });
    expect(jest.getTimerCount()).toBe(0);
  },
);

test.each([404.5, 200, 99, 1_000, NaN, '404'])(
  'When an error has the status %p, then it becomes a StytchUnavailableError',
  async (status) => {
    const error = await failureOf(() => Promise.reject(apiError(status as number, 'some_error')));

    expect(error).toBeInstanceOf(StytchUnavailableError);
  },
);

test('When an error of Stytch has no message and no request id, then the StytchApiError has the other fields', async () => {
  const thrown = Object.assign(new Error('{}'), { status_code: 500, error_type: 'internal_server_error' });

  expect(await failureOf(() => Promise.reject(thrown))).toMatchObject({
    status: 500,
    errorMessage: '',
    stytchRequestId: undefined,
  });
});

test.each([
  [429, true],
  [500, true],
  [503, true],
  [400, false],
  [401, false],
  [404, false],
])('When Stytch answers %d, then transient is %s', async (status, transient) => {
  expect(await failureOf(() => Promise.reject(apiError(status, 'some_error')))).toMatchObject({ transient });
});

test.each([
  ['the connection fails', networkError(), 'Stytch could not be reached (RequestError)'],
  [
    'the answer is not JSON',
    networkError('Unable to parse JSON response from server: Unexpected token <'),
    'Stytch answered with something that is not JSON',
  ],
  [
    'an error of another kind is thrown',
    new TypeError('fetch failed'),
    'Stytch could not be reached (TypeError)',
  ],
])(
  'When %s, then the StytchUnavailableError does not contain the request',
  async (_case, thrown, message) => {
    const error = await failureOf(() => Promise.reject(thrown));

    expect(error).toBeInstanceOf(StytchUnavailableError);
    expect(error).toMatchObject({ message, timedOut: false, retryAfterSeconds: undefined });
    expect(inspect(error, { depth: Infinity, showHidden: true })).not.toContain('secret-1');
  },
);

test('When the SDK throws before it sends a request, then the call rejects', async () => {
  const error = await failureOf(() => {
    throw new TypeError('no such method');
  });

  expect(error).toBeInstanceOf(StytchUnavailableError);
});

test('When Stytch hangs, then the call ends at its timeout and a late answer changes nothing', async () => {
  const late = deferred<unknown>();
  const unhandled = jest.fn();
  process.on('unhandledRejection', unhandled);
  const call = outcomeOf(callStytch(() => late.promise, 5_000));

  await pass(4_999);
  const before = call.now;
  await pass(1);
  late.reject(networkError());
  await flushPromises();
  await new Promise((resolve) => setImmediate(resolve));
  process.off('unhandledRejection', unhandled);

  expect(before).toBe('pending');
  expect(call.now).toBeInstanceOf(StytchUnavailableError);
  expect(call.now).toMatchObject({ timedOut: true, message: 'Stytch did not answer within 5000 ms' });
  expect(unhandled).not.toHaveBeenCalled();
});

test('When the port is closed, the connection is cut or the JSON is not an error, then the call rejects', async () => {
  const answers = ['null', '"text"', '{}'];
  const server = await listen((request, response) => {
    const answer = answers.shift();
    if (answer === undefined) request.socket.destroy();
    else response.writeHead(500).end(answer);
  });
  const sdk = sdkFor(server.url);
  const get = () => failureOf(() => sdk.m2m.clients.get({ client_id: 'x' }));

  const errors = [await get(), await get(), await get(), await get()];
  await server.close();
  errors.push(await get());

  expect(errors).toHaveLength(5);
  for (const error of errors) {
    expect(error).toBeInstanceOf(StytchUnavailableError);
    expect(error).toMatchObject({
      message: expect.stringMatching(
        /^Stytch could not be reached \((RequestError|StytchError|TypeError)\)$/,
      ) as string,
    });
  }
});

test('When the last call has ended, then AsyncLocalStorage is disabled', async () => {
  const disable = jest.spyOn(AsyncLocalStorage.prototype, 'disable');
  const slow = deferred<string>();

  const first = callStytch(() => slow.promise, 1_000);
  await callStytch(() => Promise.resolve('quick'), 1_000);
  expect(disable).not.toHaveBeenCalled();
  slow.resolve('slow');
  await first;

  expect(disable).toHaveBeenCalledTimes(1);
  disable.mockRestore();
});

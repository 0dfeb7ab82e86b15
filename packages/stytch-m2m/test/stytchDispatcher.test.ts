import type { RequestListener, ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { callStytch, StytchApiError, StytchUnavailableError } from '../src';
import { closeNetwork, listen, type LoopbackServer, sdkFor, until } from './loopback';

/** How Stytch answers the next requests. */
let behave: RequestListener;
let requests: { url: string | undefined; headers: NodeJS.Dict<string | string[]> }[];
let stytch: LoopbackServer;

closeNetwork();
beforeAll(async () => {
  stytch = await listen((request, response) => {
    requests.push({ url: request.url, headers: request.headers });
    behave(request, response);
  });
});
afterAll(() => stytch.close());
beforeEach(() => {
  requests = [];
});

const token = (timeoutMilliseconds = 5_000, { url } = stytch) =>
  callStytch(
    () => sdkFor(url).m2m.token({ client_id: 'client-1', client_secret: 'secret-1' }),
    timeoutMilliseconds,
  );

const errorOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => undefined,
    (error: unknown) => error,
  );

/** Writes until the connection is closed. */
function writeForEver(response: ServerResponse): void {
  const chunk = Buffer.alloc(100_000, ' ');
  const write = () => {
    while (!response.destroyed) if (!response.write(chunk)) return void response.once('drain', write);
  };
  write();
}

test('When Stytch answers, then the caller gets the answer', async () => {
  behave = (_request, response) => response.end('{"status_code":200,"access_token":"a-token"}');

  await expect(token()).resolves.toMatchObject({ access_token: 'a-token' });
});

test('When Stytch refuses, then the caller gets the error', async () => {
  behave = (_request, response) =>
    response.writeHead(400).end('{"status_code":400,"error":"invalid_client","error_description":"No."}');

  const error = await errorOf(token());

  expect(error).toBeInstanceOf(StytchApiError);
  expect(error).toMatchObject({ status: 400, errorType: 'invalid_client' });
});

describe('calls that time out', () => {
  test.each<[string, RequestListener]>([
    ['before the answer', () => undefined],
    ['in the headers of the answer', (request) => request.socket.write('HTTP/1.1 200 OK\r\nX-Slow: ')],
    ['in the body of the answer', (_request, response) => response.write('{"status_code":200,')],
  ])('When calls time out %s, then no connection stays open', async (_when, hang) => {
    // A separate server, because requests may arrive after their timeout.
    const hanging = await listen(hang);

    const errors = await Promise.all(Array.from({ length: 20 }, () => errorOf(token(100, hanging))));

    for (const error of errors)
      expect(error).toMatchObject({ name: 'StytchUnavailableError', timedOut: true });
    await until(() => hanging.busyConnections() === 0);
    await hanging.close();
  });
});

test('When an answer does not end, then it is cut off after 1 MB', async () => {
  behave = (_request, response) => {
    writeForEver(response);
  };

  const error = await errorOf(
    callStytch(() => sdkFor(stytch.url).sessions.getJWKS({ project_id: 'project-test-1' }), 5_000),
  );

  expect(error).toBeInstanceOf(StytchUnavailableError);
  expect(error).toMatchObject({ message: 'Stytch answered with more than 1000000 bytes', timedOut: false });
  await until(() => stytch.busyConnections() === 0);
});

test.each([301, 302, 303, 307, 308])(
  'When Stytch redirects with %d, then no other address gets the secret',
  async (status) => {
    const other = jest.fn();
    const elsewhere = await listen(other);
    behave = (_request, response) => response.writeHead(status, { Location: `${elsewhere.url}/` }).end();

    const error = await errorOf(token());
    await elsewhere.close();

    expect(error).toBeInstanceOf(StytchUnavailableError);
    expect(error).toMatchObject({
      message: `Stytch answered with a redirect (${status}): it is not followed`,
      timedOut: false,
    });
    expect(other).not.toHaveBeenCalled();
    expect(requests).toHaveLength(1);
  },
);

test('When Stytch answers 421, then the request is not sent again', async () => {
  behave = (_request, response) => response.writeHead(421).end('{}');

  expect(await errorOf(token())).toBeInstanceOf(StytchUnavailableError);
  expect(requests).toHaveLength(1);
});

test('When an answer is compressed, then it is not unpacked', async () => {
  behave = (_request, response) =>
    response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(gzipSync(Buffer.alloc(50_000_000, ' ')));

  expect(await errorOf(token())).toMatchObject({
    message: 'Stytch answered with a compressed body, which was not asked for',
  });
  expect(requests[0]?.headers['accept-encoding']).toBe('identity');
});

test('When Stytch closes the connection, then the request is not sent again', async () => {
  behave = (request) => request.socket.destroy();

  expect(await errorOf(token())).toBeInstanceOf(StytchUnavailableError);
  expect(requests).toHaveLength(1);
});

test('When the SDK is used outside of callStytch, then redirects are not followed either', async () => {
  behave = (_request, response) => response.writeHead(307, { Location: '/elsewhere' }).end();

  await expect(sdkFor(stytch.url).m2m.clients.get({ client_id: 'client-1' })).rejects.toThrow('fetch failed');
  expect(requests).toHaveLength(1);
});

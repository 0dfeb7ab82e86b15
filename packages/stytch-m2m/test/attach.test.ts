import { once } from 'node:events';
import type { IncomingHttpHeaders, RequestListener } from 'node:http';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import axios, { AxiosError, type AxiosInstance, isCancel } from 'axios';
import { attachTokens } from '../src/client/attachTokens';
import { fetchWithToken } from '../src/client/fetchWithToken';
import { setUp } from './accessTokensSetUp';
import { closeNetwork, listen, type LoopbackServer } from './loopback';

closeNetwork();

interface Received {
  method: string | undefined;
  authorization: string | undefined;
  headers: IncomingHttpHeaders;
  body: string;
}

/** A resource server that records each request and accepts every token that is not in `rejected`. */
class ResourceServer {
  readonly received: Received[] = [];
  rejected = new Set<string>();
  challenge = 'Bearer realm="test", error="invalid_token"';
  redirectTo: string | undefined;
  #server: LoopbackServer | undefined;

  async start(): Promise<this> {
    this.#server = await listen(this.#answer);
    return this;
  }

  get url(): string {
    return this.#server?.url ?? '';
  }

  get tokens(): (string | undefined)[] {
    return this.received.map(({ authorization }) => authorization);
  }

  async close(): Promise<void> {
    await this.#server?.close();
  }

  readonly #answer: RequestListener = (request, response) => {
    void text(request).then((body) => {
      const { method, headers } = request;
      this.received.push({ method, authorization: headers.authorization, headers, body });
      if (this.redirectTo !== undefined && request.url !== '/end') {
        response.writeHead(307, { Location: this.redirectTo }).end();
      } else if (this.rejected.has(headers.authorization ?? '')) {
        response.writeHead(401, { 'WWW-Authenticate': this.challenge }).end('rejected');
      } else response.end('accepted');
    });
  };
}

let wallet: ResourceServer;
let other: ResourceServer;
let world: ReturnType<typeof setUp>;

beforeEach(async () => {
  wallet = await new ResourceServer().start();
  other = await new ResourceServer().start();
  world = setUp({ timeoutMilliseconds: 500 });
});
afterEach(async () => {
  await wallet.close();
  await other.close();
});

interface Answer {
  status: number;
  body: string;
}
interface Request {
  url?: string;
  body?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}
type Send = (request?: Request) => Promise<Answer>;

/** The clients, which must all behave in the same way. */
const clients: Record<string, () => Send> = {
  fetch: () => {
    const send = fetchWithToken(world.accessTokens, { scopes: 'read:users', origin: wallet.url });
    return async ({ url = wallet.url, body, ...init } = {}) => {
      const response = await send(url, { ...init, ...(body !== undefined && { method: 'POST', body }) });
      return { status: response.status, body: await response.text() };
    };
  },
  axios: () => axiosSend(axios.create({ validateStatus: () => true })),
  'axios with the default validateStatus': () => axiosSend(axios.create()),
};

function axiosSend(instance: AxiosInstance): Send {
  attachTokens(instance, world.accessTokens, { scopes: 'read:users', origin: wallet.url });
  return async ({ url = wallet.url, body, ...config } = {}) => {
    const method = body === undefined ? 'get' : 'post';
    const { status, data } = await instance
      .request<string>({ ...config, url, method, data: body })
      .catch((error: unknown) => {
        if (error instanceof AxiosError && error.response) return error.response;
        throw error;
      });
    return { status, body: data };
  };
}

describe.each(Object.entries(clients))('%s', (_name, create) => {
  test('When a request goes to the origin, then it has the token and the caller’s headers', async () => {
    const answer = await create()({ headers: { 'X-Request-Id': 'id-1' } });

    expect(answer).toEqual({ status: 200, body: 'accepted' });
    expect(wallet.received).toMatchObject([
      { authorization: 'Bearer token-1', headers: { 'x-request-id': 'id-1' } },
    ]);
    expect(world.token).toHaveBeenCalledWith(expect.objectContaining({ scopes: ['read:users'] }));
  });

  test('When a request goes to another origin, then it has no token, and no token is requested', async () => {
    await create()({ url: other.url });

    expect(other.tokens).toEqual([undefined]);
    expect(world.token).not.toHaveBeenCalled();
  });

  test('When the origin redirects to another origin, then the other origin gets no token', async () => {
    wallet.redirectTo = `${other.url}/end`;

    await create()({ body: 'x' });

    expect(wallet.tokens).toEqual(['Bearer token-1']);
    expect(other.tokens).toEqual([undefined]);
  });

  test('When another origin redirects to the origin, then no token is sent', async () => {
    other.redirectTo = `${wallet.url}/end`;

    await create()({ url: other.url });

    expect(wallet.tokens).toEqual([undefined]);
  });

  test('When the origin redirects to itself, then the token is sent again', async () => {
    wallet.redirectTo = `${wallet.url}/end`;

    await create()();

    expect(wallet.tokens).toEqual(['Bearer token-1', 'Bearer token-1']);
  });

  test('When the token is rejected, then the request is sent again with a new token', async () => {
    wallet.rejected.add('Bearer token-1');

    const answer = await create()({ body: '{"a":1}', headers: { 'Content-Type': 'application/json' } });

    expect(answer).toEqual({ status: 200, body: 'accepted' });
    expect(wallet.received).toMatchObject([
      { authorization: 'Bearer token-1', method: 'POST', body: '{"a":1}' },
      { authorization: 'Bearer token-2', method: 'POST', body: '{"a":1}' },
    ]);
  });

  test('When the new token is rejected too, then the caller gets the 401', async () => {
    wallet.rejected = new Set(['Bearer token-1', 'Bearer token-2']);

    expect(await create()()).toEqual({ status: 401, body: 'rejected' });
    expect(wallet.tokens).toEqual(['Bearer token-1', 'Bearer token-2']);
  });

  test('When the origin rejects every token, then at most one token a second is invalidated', async () => {
    const send = create();
    wallet.rejected = new Set(['Bearer token-1', 'Bearer token-2', 'Bearer token-3']);

    await send();
    await send();

    expect(wallet.tokens).toEqual(['Bearer token-1', 'Bearer token-2', 'Bearer token-2']);
  });

  test.each(['', 'Bearer realm="test"', 'Bearer error="insufficient_scope"', 'Basic error="invalid_token"'])(
    'When a 401 has the challenge "%s", then the request is not sent again',
    async (challenge) => {
      wallet.rejected.add('Bearer token-1');
      wallet.challenge = challenge;

      expect(await create()()).toMatchObject({ status: 401 });
      expect(wallet.tokens).toEqual(['Bearer token-1']);
    },
  );

  test('When a redirect leads to another origin that answers invalid_token, then the token stays cached', async () => {
    wallet.redirectTo = `${other.url}/end`;
    other.rejected.add('');

    const answer = await create()();

    expect(answer).toMatchObject({ status: 401 });
    expect(world.events.map(({ type }) => type)).toEqual(['issued']);
  });

  test('When Stytch issues no token, then the request is not sent', async () => {
    world.behave(() =>
      Promise.reject(Object.assign(new Error(), { status_code: 400, error_type: 'invalid_client' })),
    );

    await expect(create()()).rejects.toMatchObject({
      name: 'AccessTokenUnavailableError',
      reason: 'refused',
    });
    expect(wallet.received).toEqual([]);
  });

  test('When the signal aborts while a token is requested, then the call is aborted and no request is sent', async () => {
    world.behave(() => new Promise(() => undefined));
    const abort = new AbortController();

    const answer = create()({ signal: abort.signal });
    abort.abort();
    const error: unknown = await answer.catch((reason: unknown) => reason);

    expect(isCancel(error) || (error as Error).name === 'AbortError').toBe(true);
    expect(wallet.received).toEqual([]);
  });
});

describe('fetchWithToken', () => {
  const create = () => fetchWithToken(world.accessTokens, { scopes: 'read:users', origin: [wallet.url] });

  test('When fetch gets a Request with a body, then the retry sends the same body', async () => {
    wallet.rejected.add('Bearer token-1');
    const request = new Request(wallet.url, {
      method: 'PUT',
      body: 'once',
      headers: { 'X-Request-Id': 'id-1' },
    });

    const response = await create()(request);

    expect(response.status).toBe(200);
    expect(wallet.received).toMatchObject([
      { method: 'PUT', body: 'once', headers: { 'x-request-id': 'id-1' } },
      { method: 'PUT', body: 'once', headers: { 'x-request-id': 'id-1' }, authorization: 'Bearer token-2' },
    ]);
  });

  test('When the body is a stream, then the caller gets the 401, and the next call uses a new token', async () => {
    wallet.rejected.add('Bearer token-1');
    const send = create();
    const body = new Blob(['once']).stream() as ReadableStream;

    const response = await send(wallet.url, { method: 'POST', body, duplex: 'half' });
    const next = await send(wallet.url);

    expect([response.status, next.status]).toEqual([401, 200]);
    expect(wallet.tokens).toEqual(['Bearer token-1', 'Bearer token-2']);
  });

  test('When the fetch option is set, then that function sends the requests', async () => {
    const given = jest.fn(() => Promise.resolve(new Response('given')));
    const send = fetchWithToken(world.accessTokens, {
      scopes: 'a',
      origin: 'https://wallet.test',
      fetch: given,
    });

    const response = await send(new URL('https://wallet.test/x'));

    expect(await response.text()).toBe('given');
    const [[, init]] = given.mock.calls as unknown as [[unknown, { headers: Headers }]];
    expect(init.headers.get('authorization')).toBe('Bearer token-1');
  });
});

describe('attachTokens', () => {
  test('When transformRequest changes the body, then the retry does not change it twice', async () => {
    wallet.rejected.add('Bearer token-1');
    const instance = axios.create({
      baseURL: wallet.url,
      transformRequest: (data: unknown) => JSON.stringify(data),
    });
    attachTokens(instance, world.accessTokens, { scopes: 'read:users', origin: wallet.url });

    await instance.post('/x', { a: 1 });

    expect(wallet.received.map(({ body }) => body)).toEqual(['{"a":1}', '{"a":1}']);
  });

  test('When the body is a stream, then the request is not sent again', async () => {
    wallet.rejected.add('Bearer token-1');
    const instance = axios.create({ validateStatus: () => true });
    attachTokens(instance, world.accessTokens, { scopes: 'read:users', origin: wallet.url });

    const { status } = await instance.post(wallet.url, Readable.from(['once']));

    expect(status).toBe(401);
    expect(wallet.received).toHaveLength(1);
  });

  test('When a redirect leads to another port of the same host, then the caller’s beforeRedirect runs and the token is removed', async () => {
    wallet.redirectTo = `${other.url}/end`;
    const beforeRedirect = jest.fn();
    const instance = axios.create();
    attachTokens(instance, world.accessTokens, { scopes: 'read:users', origin: wallet.url });

    await instance.get(wallet.url, { beforeRedirect });

    expect(beforeRedirect).toHaveBeenCalledTimes(1);
    expect(other.tokens).toEqual([undefined]);
  });

  test('When axios keeps the token on a redirect to a subdomain, then the token is removed', async () => {
    const instance = axios.create({ adapter: (config) => Promise.resolve({ config } as never) });
    attachTokens(instance, world.accessTokens, { scopes: 'read:users', origin: 'https://wallet.test' });

    const { config } = await instance.get('https://wallet.test/x');
    const headers = { Authorization: 'Bearer token-1', accept: '*/*' };
    config.beforeRedirect?.(
      { href: 'https://evil.wallet.test/x', headers },
      undefined as never,
      undefined as never,
    );

    expect(headers).toEqual({ accept: '*/*' });
  });

  test('When detach is called, then requests have no token', async () => {
    const instance = axios.create();
    const detach = attachTokens(instance, world.accessTokens, { scopes: 'read:users', origin: wallet.url });

    detach();
    await instance.get(wallet.url);

    expect(wallet.tokens).toEqual([undefined]);
  });

  test('When the answers are streams, then the caller gets the stream of the retry', async () => {
    wallet.rejected.add('Bearer token-1');
    const instance = axios.create({ responseType: 'stream', validateStatus: () => true });
    attachTokens(instance, world.accessTokens, { scopes: 'read:users', origin: wallet.url });

    const { data } = await instance.get<Readable>(wallet.url);

    expect(await text(data)).toBe('accepted');
    if (!data.closed) await once(data, 'close');
  });
});

test.each([
  'wallet',
  'ftp://wallet.test',
  'https://wallet.test/api',
  'https://user@wallet.test',
  'data:text/plain,x',
  [],
  ['https://wallet.test', ''],
])('When the origin option is %j, then both functions throw a TypeError', (origin) => {
  const options = { scopes: 'read:users', origin };

  expect(() => fetchWithToken(world.accessTokens, options)).toThrow(TypeError);
  expect(() => attachTokens(axios.create(), world.accessTokens, options)).toThrow(TypeError);
});

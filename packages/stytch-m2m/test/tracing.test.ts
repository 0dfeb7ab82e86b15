import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel';
import { createAuthorizer, type StytchRequestMessage, type TracingMessages } from '../src';
import { fail, setUp } from './accessTokensSetUp';
import { closeNetwork, listen, sdkFor } from './loopback';
import { TestProject } from './project';
import { startProcess } from './rotationSetUp';
import { apiError } from './stytchErrors';

type Name = keyof TracingMessages;
const names: Name[] = [
  'stytch-m2m.get_access_token',
  'stytch-m2m.token_request',
  'stytch-m2m.authorize',
  'stytch-m2m.jwks_fetch',
  'stytch-m2m.rotation',
  'stytch-m2m.rotation_step',
];
const eventNames = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'] as const;

/** Every event, such as `authorize start (caller)`: the context is in parentheses. */
let events: string[] = [];
/** The messages at their `asyncEnd`. */
let messages: object[] = [];
let stop: () => void;

/** Subscribes to every channel. Each operation becomes the context of the operations inside it. */
function listenToAll(): void {
  const stops = names.map((name) => {
    const short = name.replace('stytch-m2m.', '');
    const handlers = eventNames.map(
      (event) =>
        [
          event,
          (message: TracingMessages[Name]) => {
            if (event === 'start') {
              events.push(`${short} start (${String(message.context)})`);
              message.context = short;
            } else events.push(`${short} ${event}`);
            if (event === 'asyncEnd') messages.push(message);
          },
        ] as const,
    );
    const channel = tracingChannel<unknown, TracingMessages[Name]>(name);
    const all = Object.fromEntries(handlers) as unknown as Parameters<typeof channel.subscribe>[0];
    channel.subscribe(all);
    return () => {
      channel.unsubscribe(all);
    };
  });
  stop = () => {
    for (const one of stops) one();
  };
}

closeNetwork();
beforeEach(() => {
  events = [];
  messages = [];
  listenToAll();
});
afterEach(() => {
  stop();
});

const starts = () => events.filter((event) => event.includes(' start '));

describe('getAccessToken', () => {
  test('When a token is requested, then both operations are published, one inside the other', async () => {
    const { accessTokens } = setUp();

    await accessTokens.getAccessToken('read:users', { context: 'caller' });

    expect(events).toEqual([
      'get_access_token start (caller)',
      'token_request start (get_access_token)',
      'token_request end',
      'get_access_token end',
      'token_request asyncStart',
      'token_request asyncEnd',
      'get_access_token asyncStart',
      'get_access_token asyncEnd',
    ]);
    expect(messages).toMatchObject([
      { scopes: ['read:users'], source: 'issued' },
      { scopes: ['read:users'], source: 'issued' },
    ]);
  });

  test('When the token is cached, then the source is the cache', async () => {
    const { accessTokens, get } = setUp();
    await get();
    messages = [];

    await accessTokens.getAccessToken('read:users');

    expect(messages).toMatchObject([{ source: 'cache' }]);
  });

  test('When Stytch refuses, then the error is published, and no message contains a secret or a token', async () => {
    const { accessTokens, behave } = setUp();
    await accessTokens.getAccessToken('write:users');
    behave(fail(apiError(400, 'invalid_client')));

    const refused = accessTokens.getAccessToken('read:users');

    await expect(refused).rejects.toThrow('No access token');
    expect(events.filter((event) => event.endsWith(' error'))).toEqual([
      'token_request error',
      'get_access_token error',
    ]);
    expect(messages.at(-1)).toMatchObject({ error: { reason: 'refused' } });
    expect(JSON.stringify(messages)).not.toMatch(/secret-1|token-1/);
  });

  test('When nobody subscribes, then nothing is published', async () => {
    stop();
    const { get } = setUp();

    await expect(get()).resolves.toBe('token-1');

    expect(events).toEqual([]);
  });
});

describe('authorizeToken', () => {
  const project = new TestProject();
  const createMiddleware = () =>
    createAuthorizer({
      client: project.client,
      projectId: project.projectId,
      realm: 'test',
    }).authorizeToken('read:users');
  const send = async (middleware: ReturnType<typeof createMiddleware>, token: string) => {
    const request = { headers: { authorization: `Bearer ${token}` } } as never;
    await new Promise((resolve) => {
      middleware(request, {} as never, resolve);
    });
    return request;
  };

  test('When a token is new, then it is verified with a fetched JWKS', async () => {
    const request = await send(createMiddleware(), project.token());

    expect(starts()).toEqual(['authorize start (undefined)', 'jwks_fetch start (authorize)']);
    expect(messages).toMatchObject([
      { keys: 1 },
      { cached: false, outcome: 'allowed', requiredScopes: ['read:users'] },
    ]);
    expect((messages[1] as { request: unknown }).request).toBe(request);
  });

  test('When a token is cached, then all events are published before the middleware returns', async () => {
    const middleware = createMiddleware();
    const token = project.token();
    await send(middleware, token);
    events = [];

    const sent = send(middleware, token);

    expect(events).toEqual([
      'authorize start (undefined)',
      'authorize end',
      'authorize asyncStart',
      'authorize asyncEnd',
    ]);
    await sent;
    expect(messages.at(-1)).toMatchObject({ cached: true, outcome: 'allowed' });
  });

  test('When a token is refused, then the message has the outcome and the error', async () => {
    const middleware = createMiddleware();

    await send(middleware, project.token({ scope: 'other' }));
    await send(middleware, '');

    expect(messages.slice(1)).toMatchObject([
      { cached: false, outcome: 'insufficient_scope', error: { status: 403 } },
      { outcome: 'invalid_request', error: { status: 400 } },
    ]);
    expect(messages.at(-1)).not.toHaveProperty('cached');
  });
});

test('When authorize gets a string, then the message does not have it, but has the context', async () => {
  const project = new TestProject();
  const { authorize } = createAuthorizer({
    client: project.client,
    projectId: project.projectId,
    realm: 'test',
  });

  await authorize(`Bearer ${project.token()}`, 'read:users', { context: 'caller' });

  expect(starts()[0]).toBe('authorize start (caller)');
  expect(messages[1]).toMatchObject({ request: undefined, outcome: 'allowed' });
});

test('When a secret is rotated, then each step at Stytch is published inside the rotation', async () => {
  const { rotation } = await startProcess();

  await rotation.rotate({ context: 'caller' });

  expect(starts()).toEqual([
    'rotation start (caller)',
    ...Array<string>(3).fill('rotation_step start (rotation)'),
  ]);
  expect(messages).toMatchObject([
    { step: 'start' },
    { step: 'verify' },
    { step: 'complete' },
    { operation: 'rotate' },
  ]);
  expect(JSON.stringify(messages)).not.toMatch(/aaaa|bbbb/);
});

test('When the SDK sends a request, then a subscriber adds a header for the operation that sends it', async () => {
  const received: unknown[] = [];
  const server = await listen((request, response) => {
    received.push(request.headers.traceparent);
    response.end('{"access_token":"a-token","expires_in":3600}');
  });
  const sent: unknown[] = [];
  const addHeader = (message: unknown) => {
    const { headers, ...about } = message as StytchRequestMessage;
    headers.traceparent = `of ${String(about.context)}`;
    sent.push(about);
  };
  subscribe('stytch-m2m.stytch_request', addHeader);
  const { accessTokens } = setUp({ client: sdkFor(server.url) });

  await accessTokens.getAccessToken('read:users');

  unsubscribe('stytch-m2m.stytch_request', addHeader);
  await server.close();
  expect(received).toEqual(['of token_request']);
  expect(sent).toEqual([
    {
      context: 'token_request',
      method: 'POST',
      origin: server.url,
      path: '/v1/public/project-test-1/oauth2/token',
    },
  ]);
});

import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import express from 'express';
import { errorHandler, limitRequests } from '../../src/http';
import { start } from '../../src/server';
import { startLocalStytch as startForTest } from '../../src/startLocalStytch';
import { expectRefusal, rejection, startLocalStytch, type TestStytch } from '../localStytch';
import { listen, type Listener } from './eventStream';

let stytch: TestStytch;
const open: Listener[] = [];
beforeAll(async () => {
  stytch = await startLocalStytch();
});
beforeEach(() => stytch.admin('POST', '/reset'));
afterEach(async () => {
  for (const listener of open.splice(0)) listener.close();
  await nobodyListens();
});
afterAll(() => stytch.close());

async function page(url = stytch.url): Promise<Listener> {
  const listener = await listen(url);
  open.push(listener);
  return listener;
}

/** How many streams are open. */
const listeners = () => (stytch.emulator.events as unknown as { listeners: Set<unknown> }).listeners.size;

async function nobodyListens(): Promise<void> {
  while (listeners() > 0) await new Promise((resolve) => setImmediate(resolve));
}

const credentials = () => ({
  grant_type: 'client_credentials',
  client_id: stytch.seed.clientId,
  client_secret: stytch.seed.clientSecret,
});

describe('A page that listens', () => {
  test('When a token is issued, then it gets the request, the trace and the token', async () => {
    const listener = await page();

    await stytch.token(credentials());

    const { clientId } = stytch.seed;
    const { requests } = await listener.until((change) =>
      change.requests?.some(({ status }) => status === 200),
    );
    expect(requests).toMatchObject([{ method: 'POST', client_id: clientId, claims: { sub: clientId } }]);
    const { tokens } = await listener.until((change) => change.tokens);
    expect(tokens).toMatchObject([{ kind: 'issued', client_id: clientId, scope: 'read:users' }]);
    const { traces } = await listener.until((change) => change.traces);
    expect(traces).toMatchObject([{ services: ['local-stytch'], http_status: 200 }]);
    expect(JSON.stringify(listener.changes)).not.toContain(stytch.seed.clientSecret);
    expect(listener.others[0]).toBe('retry: 1000');
  });

  test('When a request hangs, then it gets it when it comes and when it ends', async () => {
    await stytch.admin('POST', '/faults', { kind: 'hang', path: '/v1/hangs' });
    const listener = await page();
    const leave = new AbortController();
    const hanging = fetch(`${stytch.url}/v1/hangs`, { signal: leave.signal }).catch(() => undefined);

    const came = await listener.until((change) => change.requests);
    expect(came).toMatchObject({ requests: [{ path: '/v1/hangs', duration_milliseconds: null }] });
    leave.abort();
    await hanging;
    await listener.until((change) => change.requests?.some((one) => one.duration_milliseconds !== null));
  });

  const management = (path: string, body: object, method = 'POST') =>
    fetch(`${stytch.url}/v1/m2m/clients${path}`, {
      method,
      body: JSON.stringify(body),
      headers: {
        'Content-Type': 'application/json',
        Authorization: `Basic ${btoa(`${stytch.seed.projectId}:${stytch.seed.projectSecret}`)}`,
      },
    });

  test.each<[string, () => Promise<unknown>, object]>([
    [
      'the management API creates a client',
      () => management('', { scopes: [] }),
      { clients: true, state: { clients: 3 } },
    ],
    [
      'the management API updates a client',
      () => management(`/${stytch.seed.clientId}`, { status: 'inactive' }, 'PUT'),
      { clients: true },
    ],
    [
      'the management API deletes a client',
      () => management(`/${stytch.seed.clientId}`, {}, 'DELETE'),
      { clients: true, state: { clients: 1 } },
    ],
    [
      'the admin API starts a rotation',
      () => stytch.admin('POST', `/clients/${stytch.seed.clientId}/secrets/rotate/start`),
      { clients: true },
    ],
    [
      'the clock moves',
      () => stytch.admin('POST', '/clock', { offset_seconds: 7 }),
      { state: { clock_offset_seconds: 7 } },
    ],
    [
      'the lifetime of tokens changes',
      () => stytch.admin('POST', '/token-lifetime', { seconds: 3 }),
      { state: { token_lifetime_seconds: 3 } },
    ],
    [
      'the project changes',
      () => stytch.admin('POST', '/project', { issuer: 'base_url' }),
      { state: { issuer: 'base_url' } },
    ],
    [
      'the key is rotated',
      () => stytch.admin('POST', '/signing-keys/rotate'),
      { state: { signing_keys: [expect.any(String), expect.any(String)] } },
    ],
    [
      'a fault is injected',
      () => stytch.admin('POST', '/faults', { kind: 'hang', path: '/x' }),
      { faults: [{ kind: 'hang', hits: 0 }] },
    ],
    ['a token is minted', () => stytch.admin('POST', '/tokens'), { tokens: [{ kind: 'minted' }] }],
    ['everything is reset', () => stytch.admin('POST', '/reset'), { reset: true }],
    ['the log is emptied', () => stytch.admin('DELETE', '/requests'), { reset: true }],
  ])('When %s, then it is told', async (_what, change, told) => {
    const listener = await page();

    await change();

    const names = Object.keys(told);
    expect(await listener.until((one) => names.every((name) => name in one))).toMatchObject(told);
  });

  test('When a test changes its own emulator, then the page there is told of it', async () => {
    const own = await startForTest();
    const listener = await page(own.url);
    const told = (name: string) => listener.until((change) => name in change);

    await own.createClient({ name: 'two', scopes: [] });
    await told('clients');
    await own.mintToken();
    await told('tokens');
    const fault = own.injectFault({ kind: 'drop', path: '/x' });
    await told('faults');
    fault.remove();
    expect(await listener.until(({ faults }) => faults?.length === 0)).toBeDefined();
    own.setClock(60);
    await listener.until(({ state }) => state?.clock_offset_seconds === 60);
    await own.rotateSigningKey();
    await listener.until(({ state }) => state?.signing_keys.length === 2);
    own.reset();
    await told('reset');

    await own.close();
    await listener.ended;
  });

  test('When much changes, then it gets at most one change in 200 ms, and all of it', async () => {
    const listener = await page();
    const start = performance.now();

    for (let count = 0; count < 30; count += 1) {
      await fetch(`${stytch.url}/v1/nothing`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }

    const ids = () => new Set(listener.changes.flatMap(({ requests = [] }) => requests.map(({ id }) => id)));
    await listener.until(() => ids().size === 30);
    // The first was sent after `start`, and the last before it came. A timer may be early by a millisecond.
    const gaps = listener.changes.length - 1;
    expect(gaps).toBeGreaterThan(1);
    expect(performance.now() - start).toBeGreaterThan(gaps * 198);
  });

  test('When two pages listen, then both get the same', async () => {
    const [one, other] = [await page(), await page()];

    await stytch.admin('POST', '/clock', { offset_seconds: 5 });

    const fits = ({ state }: { state?: { clock_offset_seconds: number } }) =>
      state?.clock_offset_seconds === 5;
    expect(await one.until(fits)).toEqual(await other.until(fits));
  });

  test('When nothing changes for 15 s, then it gets a comment, so that no proxy closes the stream', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'performance'] });
    try {
      const listener = await page();
      jest.advanceTimersByTime(15_000);
      while (listener.others.length < 2) await new Promise((resolve) => setImmediate(resolve));
      expect(listener.others).toEqual(['retry: 1000', ': heartbeat']);
    } finally {
      jest.useRealTimers();
    }
  });

  test('When the method is HEAD, then there is no stream', async () => {
    const response = await fetch(`${stytch.url}/local/events`, { method: 'HEAD' });

    expect(response.status).toBe(200);
    expect(listeners()).toBe(0);
  });
});

describe('The server', () => {
  test('When nobody listens, then nothing is collected, and no timer runs', async () => {
    const { changes } = stytch.state;
    const listener = await page();
    listener.close();
    await nobodyListens();

    await stytch.token(credentials());

    expect(changes.take()).toMatchObject({ requests: new Set(), tokens: [], state: false });
    const { heartbeat, sending } = stytch.emulator.events as unknown as {
      heartbeat: { _destroyed: boolean };
      sending: unknown;
    };
    expect([heartbeat._destroyed, sending]).toEqual([true, undefined]);
  });

  test('When 20 pages listen, then a further one is answered 503, until one leaves', async () => {
    await Promise.all(Array.from({ length: 20 }, () => page()));

    await expectRefusal(await fetch(`${stytch.url}/local/events`), 503, 'too_many_listeners');
    open.pop()?.close();
    while (listeners() > 19) await new Promise((resolve) => setImmediate(resolve));
    expect(await page()).toBeDefined();
  });

  test('When pages listen, then they do not count as requests in progress', async () => {
    const app = express();
    app.use(limitRequests(1));
    app.get('/local/events', (_request, response) => void response.write('retry: 1000\n\n'));
    app.get('/quick', (_request, response) => void response.send('answered'));
    app.get('/hangs', (_request, response) => void response.write('half'));
    app.use(errorHandler(jest.fn()));
    const server = createServer(app);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await Promise.all([page(url), page(url), page(url)]);

    expect((await fetch(`${url}/quick`)).status).toBe(200);
    const hanging = await fetch(`${url}/hangs`);
    expect((await fetch(`${url}/quick`)).status).toBe(503);
    expect(await page(url)).toBeDefined();
    await hanging.body?.cancel();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  test('When a page does not read, then it is dropped, and its memory is free again', async () => {
    const { port } = new URL(stytch.url);
    const socket: Socket = connect(Number(port), '127.0.0.1');
    socket.on('error', () => undefined);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await new Promise<void>((resolve) => {
      socket.write('GET /local/events HTTP/1.1\r\nHost: localhost\r\n\r\n', () => {
        resolve();
      });
    });
    socket.pause();
    while (listeners() === 0) await new Promise((resolve) => setImmediate(resolve));
    const reader = await page();

    const streams = stytch.emulator.events as unknown as {
      listeners: Set<{ writableLength: number; destroyed: boolean }>;
    };
    const [slow] = streams.listeners;
    let most = 0;
    while (listeners() > 1) {
      const scope = 'x'.repeat(900);
      for (let count = 0; count < 40; count += 1) stytch.state.changes.token({ scope } as never);
      most = Math.max(most, slow?.writableLength ?? 0);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }

    expect(most).toBeGreaterThan(1_000_000);
    // At most 1 MB, and the event that made it more.
    expect(most).toBeLessThan(4_000_000);
    expect(slow?.destroyed).toBe(true);
    const seen = reader.changes.length;
    await stytch.admin('POST', '/clock', { offset_seconds: 3 });
    await reader.until(({ state }) => state?.clock_offset_seconds === 3);
    expect(reader.changes.length).toBeGreaterThan(seen);
    socket.resume();
    await closed;
  });

  test('When it stops with open pages, then it closes at once', async () => {
    const server = await start({ PORT: '0', LOG_LEVEL: 'silent' });
    const listener = await page(server.url);
    const before = performance.now();

    await server.close();

    await listener.ended;
    expect(performance.now() - before).toBeLessThan(1_500);
    await rejection(listen(server.url));
  });
});

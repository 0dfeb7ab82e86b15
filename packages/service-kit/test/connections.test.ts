import './closedNetwork';
import type { Socket } from 'node:net';
import type { Request } from 'express';
import {
  createBaseApp,
  createMetrics,
  type Metrics,
  Readiness,
  route,
  type RunningServer,
  serve,
} from '../src/index';
import type { ConnectionLimits } from '../src/connections';
import { RawCaller } from './pipeline';
import { createTestLogger, type TestLogger } from './testLogger';

let log: TestLogger;
let metrics: Metrics;
let server: RunningServer;
/** The ids of the requests that the app has started, in order. */
let begun: string[];
/** The highest number of requests that the app worked on at a time. */
let most: number;
let release: () => void;
/** The connection of the last request for /hold. */
let held: Socket | undefined;

async function start(limits: ConnectionLimits = {}): Promise<void> {
  log = createTestLogger();
  metrics = createMetrics();
  begun = [];
  most = 0;
  let now = 0;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const base = { logger: log.logger, metrics, readiness: new Readiness() };
  const app = createBaseApp(base, (router) => {
    router.use((request: Request, response, next) => {
      begun.push(request.path.split('/').at(-1) ?? '');
      now += 1;
      most = Math.max(most, now);
      response.once('close', () => (now -= 1));
      next();
    });
    route(router, '/quick/:id', { get: ({ params }, response) => void response.json(params['id']) });
    route(router, '/soon/:id', {
      get: async ({ params }, response) => {
        await new Promise(setImmediate);
        response.json(params['id']);
      },
    });
    route(router, '/hold/:id', {
      get: async ({ params, socket }, response) => {
        held = socket;
        await released;
        response.json(params['id']);
      },
    });
    route(router, '/large', { get: (_request, response) => void response.json('x'.repeat(4_000_000)) });
    route(router, '/last/:id', {
      get: ({ params }, response) => void response.set('Connection', 'close').json(params['id']),
    });
  });
  server = await serve({ name: 'test', app, host: '127.0.0.1', port: 0, limits, ...base });
}

const open = () => RawCaller.open(server.port);
const numbered = (path: string, count: number) => Array.from({ length: count }, (_, at) => `${path}/${at}`);
const numbers = (count: number) => Array.from({ length: count }, (_, at) => String(at));
/** The bodies of the answers, which are JSON strings. */
const bodies = ({ received }: RawCaller) =>
  Array.from(received.matchAll(/\r\n\r\n"(\d+)"/g), ([, body]) => body);

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 4_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('condition not met in time');
    await new Promise(setImmediate);
  }
}

afterEach(async () => {
  jest.restoreAllMocks();
  release();
  await server.close();
});

describe('A client that pipelines many requests', () => {
  test.each(['/quick', '/soon'])(
    'When it reads the answers, then it gets all 1,000 of %s in order, and the app works on at most 32 at a time',
    async (path) => {
      await start();
      const caller = await open();

      caller.get(...numbered(path, 1_000));
      await caller.answers(1_000);

      expect(bodies(caller)).toEqual(numbers(1_000));
      expect(begun).toEqual(numbers(1_000));
      expect(most).toBeLessThanOrEqual(32);
      caller.socket.destroy();
    },
  );

  test('When its requests have bodies, then these are read although the connection is paused', async () => {
    await start();
    const caller = await open();
    const post = (at: number) =>
      `POST /nowhere/${at} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\n${'x'.repeat(5_000)}`;

    caller.socket.write(numbers(100).map(Number).map(post).join(''));
    await caller.answers(100);

    expect(caller.statuses).toEqual(Array.from({ length: 100 }, () => 404));
    caller.socket.destroy();
  });

  test('When its first request is not answered yet, then its connection is not read, and other clients are answered', async () => {
    await start();
    const flood = await open();
    const piece = 'GET /quick/1 HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(20_000);
    flood.get('/hold/0');
    for (let times = 0; times < 20; times += 1) flood.socket.write(piece);
    const other = await open();
    for (let times = 1; times <= 20; times += 1) {
      other.get('/quick/other');
      await other.answers(times);
    }

    expect(begun.filter((id) => id !== 'other')).toHaveLength(32);
    expect(held?.bytesRead).toBeLessThan(200_000);
    flood.socket.destroy();
    other.socket.destroy();
  });

  test('When too many requests wait, then the connection that exceeds the limit is closed, and no other', async () => {
    await start({ waitingRequests: 150 });
    const patient = await open();
    patient.get('/hold/0', ...numbered('/quick', 131));
    await until(() => begun.length === 32);

    const flood = await open();
    flood.get('/hold/0', ...numbered('/quick', 60));
    await flood.closed;
    const other = await open();
    other.get('/quick/other');
    await other.answers(1);
    release();
    await patient.answers(132);

    expect(flood.received).toBe('');
    patient.socket.destroy();
    other.socket.destroy();
  });

  test('When an answer closes its connection, then no request behind it is started', async () => {
    await start();
    const caller = await open();

    caller.get('/last/0', ...numbered('/quick', 40));
    await caller.closed;

    expect(caller.statuses).toEqual([200]);
    expect(begun).toEqual(['0']);
  });

  test('When the server stops, then all its requests are answered, and only the last answer says close', async () => {
    await start();
    const caller = await open();
    caller.get('/hold/0');
    await until(() => begun.length === 1);

    const closed = server.close();
    caller.get(...numbered('/soon', 40));
    await until(() => begun.length === 32);
    release();
    await Promise.all([caller.closed, closed]);

    expect(caller.statuses).toHaveLength(41);
    expect(caller.received.match(/^Connection: close/gm)).toHaveLength(1);
    expect(caller.received.lastIndexOf('Connection: close')).toBeGreaterThan(
      caller.received.lastIndexOf('HTTP/1.1 200'),
    );
  });
});

describe('A connection without a request', () => {
  test('When the server stops, then it is closed long before the drain timeout', async () => {
    await start();
    const unused = await open();

    const startedAt = performance.now();
    await Promise.all([unused.closed, server.close()]);

    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  const closedByNode = Number(process.versions.node.split('.')[0]) >= 26;
  test('When its first request comes within a second, then it is answered, unless Node closes it first', async () => {
    await start();
    const late = await open();

    const closed = server.close();
    late.get('/quick/1');
    await Promise.all([late.closed, closed]);

    expect(late.statuses).toEqual(closedByNode ? [] : [200]);
  });
});

test('When there are too many connections, then a further one is closed, and the open ones are served', async () => {
  await start({ connections: 1 });
  const first = await open();

  await (
    await open()
  ).closed;
  first.get('/quick/1');
  await first.answers(1);

  expect(first.statuses).toEqual([200]);
  first.socket.destroy();
});

describe('A connection that its client closes before the answers', () => {
  test('When several answers are missing, then each request is logged and measured as 499, and a stop does not wait for them', async () => {
    await start();
    const caller = await open();
    caller.get('/hold/0', '/quick/1', '/soon/2', '/hold/3');
    await until(() => begun.length === 4);

    caller.socket.destroy();
    await until(() => log.lines.filter(({ res }) => res).length === 4);
    await server.close();

    const logged = log.lines.flatMap(({ req, res, msg }) => (res ? [[req?.path, res.status, msg]] : []));
    expect(logged).toEqual(
      expect.arrayContaining(
        ['/hold/0', '/quick/1', '/soon/2', '/hold/3'].map((path) => [
          path,
          499,
          'request aborted by the client',
        ]),
      ),
    );
    const text = await metrics.registry.metrics();
    expect(text).toContain('_count{method="GET",route="/hold/:id",status="499"} 2');
    expect(text).toContain('_count{method="GET",route="/quick/:id",status="499"} 1');
    expect(text).toContain('_count{method="GET",route="/soon/:id",status="499"} 1');
  });

  test('When an answer is written later, then it has no effect', async () => {
    await start();
    const caller = await open();
    caller.get('/hold/0', '/hold/1');
    await until(() => begun.length === 2);
    caller.socket.destroy();
    await until(() => log.lines.filter(({ res }) => res).length === 2);

    release();
    const other = await open();
    other.get('/quick/1');
    await other.answers(1);

    expect(log.lines.filter(({ res }) => res)).toHaveLength(3);
    other.socket.destroy();
  });
});

describe('A client that keeps a connection without using it', () => {
  const brief = { checkIntervalMilliseconds: 10, idleMilliseconds: 100, unreadMilliseconds: 100 };

  test.each([
    ['empty lines', '\r\n', ''],
    ['one letter at a time', 'a', 'GET /'],
  ])('When it sends %s, then the connection is closed', async (_name, piece, first) => {
    await start(brief);
    const caller = await open();
    caller.get('/quick/0');
    await caller.answers(1);

    caller.socket.write(first);
    const sending = setInterval(() => caller.socket.write(piece), 5);
    await caller.closed;

    clearInterval(sending);
    expect(begun).toHaveLength(1);
  });

  test('When it does not read its answers, then the connection is closed', async () => {
    await start(brief);
    const caller = await open();
    caller.socket.pause();
    const line = log.logged(({ res }) => res?.status === 499);

    caller.get('/large', '/large', '/large');

    expect(await line).toMatchObject({ req: { path: '/large' } });
    caller.socket.destroy();
  });

  describe('with the limits of production', () => {
    beforeEach(async () => {
      jest.useFakeTimers({
        doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'Date', 'performance'],
      });
      await start();
    });
    afterEach(() => {
      jest.useRealTimers();
    });

    test('When it keeps its connection for another request, then it has 75 s', async () => {
      const caller = await open();
      caller.get('/quick/0');
      await caller.answers(1);

      jest.advanceTimersByTime(75_000);
      caller.get('/quick/1');
      await caller.answers(2);
      jest.advanceTimersByTime(80_000);

      await caller.closed;
    });

    test('When the app takes long to answer, then the connection stays open', async () => {
      const caller = await open();
      caller.get('/hold/0');
      await until(() => begun.length === 1);

      jest.advanceTimersByTime(600_000);
      release();

      await caller.answers(1);
      caller.socket.destroy();
    });

    test('When it reads an answer every 25 s, then the connection stays open', async () => {
      const caller = await open();
      caller.socket.pause();
      caller.get('/large', '/large', '/large');

      for (const answers of [1, 2, 3]) {
        jest.advanceTimersByTime(25_000);
        caller.socket.resume();
        await caller.answers(answers);
        caller.socket.pause();
      }

      expect(caller.statuses).toEqual([200, 200, 200]);
      caller.socket.destroy();
    });
  });
});

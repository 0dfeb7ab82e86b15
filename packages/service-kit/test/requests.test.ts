import './closedNetwork';
import request from 'supertest';
import { createBaseApp, createMetrics, route } from '../src/index';
import { createTestLogger, secretMark } from './testLogger';

const newId = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

function createApp() {
  const { logger, lines } = createTestLogger();
  const app = createBaseApp({ logger }, (router) => {
    route(router, '/things/:id', {
      get: ({ id }, response) => {
        response.json({ id });
      },
    });
    route(router, '/fails', {
      get: () => {
        throw new Error('inside', { cause: new Error('beneath') });
      },
    });
  });
  return { app, lines };
}

describe('Request ids', () => {
  test.each(['a', 'order-1.retry:2_x', 'x'.repeat(128)])(
    'When a caller sends the id %s, then it is in the answer and in the log',
    async (id) => {
      const { app, lines } = createApp();

      const response = await request(app).get('/things/1').set('X-Request-Id', id);

      expect(response.headers['x-request-id']).toBe(id);
      expect(response.body).toEqual({ id });
      expect(lines[0]?.req?.id).toBe(id);
    },
  );

  test.each(['x'.repeat(129), 'two words', 'a,b', '{"a":1}', '<script>', 'é', ''])(
    'When a caller sends the id %j, then it is replaced',
    async (id) => {
      const { app, lines } = createApp();

      const response = await request(app).get('/things/1').set('X-Request-Id', id);

      expect(response.headers['x-request-id']).toMatch(newId);
      expect(lines[0]?.req?.id).toBe(response.headers['x-request-id']);
    },
  );

  test('When callers send no id, then each request gets a new one', async () => {
    const { app } = createApp();

    const [first, second] = await Promise.all([request(app).get('/things/1'), request(app).get('/things/1')]);

    expect(first.headers['x-request-id']).toMatch(newId);
    expect(second.headers['x-request-id']).toMatch(newId);
    expect(first.headers['x-request-id']).not.toBe(second.headers['x-request-id']);
  });
});

describe('The log', () => {
  test('When a request is answered, then one line is logged, with the path and without query and headers', async () => {
    const { app, lines } = createApp();

    await request(app)
      .get(`/things/1?access_token=${secretMark}`)
      .set('Authorization', `Bearer ${secretMark}`);

    expect(lines).toHaveLength(1);
    expect(lines[0]).toEqual({
      level: 30,
      time: expect.any(Number),
      name: 'test',
      req: { id: expect.stringMatching(newId), method: 'GET', path: '/things/1' },
      res: { status: 200 },
      responseTime: expect.any(Number),
      msg: 'request answered',
    });
  });

  test('When a path is long, then the log has its beginning only', async () => {
    const { app, lines } = createApp();

    await request(app).get(`/${'x'.repeat(3_000)}`);
    await request(app).get(`/things/%ff${'x'.repeat(3_000)}`);

    const paths = lines.map((line) => line.req?.path);
    const unknown = `/${'x'.repeat(255)}…`;
    const malformed = `/things/%ff${'x'.repeat(245)}…`;
    expect(paths).toEqual([unknown, unknown, malformed, malformed]);
    expect(Math.max(...lines.map((line) => JSON.stringify(line).length))).toBeLessThan(1_000);
  });

  test('When a request fails, then an earlier line has the cause, with the same id', async () => {
    const { app, lines } = createApp();

    await request(app).get(`/fails?token=${secretMark}`);

    expect(lines).toMatchObject([
      {
        level: 50,
        msg: 'request refused or failed',
        code: 'internal_error',
        err: { message: 'inside', cause: { message: 'beneath' } },
      },
      { msg: 'request answered', res: { status: 500 } },
    ]);
    expect(lines[0]?.req).toEqual(lines[1]?.req);
    expect(lines[1]).not.toHaveProperty('err');
  });

  test('When a client disconnects before the answer, then log and metrics say 499', async () => {
    const { logger, logged } = createTestLogger();
    const metrics = createMetrics();
    const app = createBaseApp({ logger, metrics }, (router) => {
      route(router, '/hangs', { get: ({ socket }) => void socket.destroy() });
    });
    const line = logged(({ res }) => res !== undefined);

    await expect(request(app).get('/hangs')).rejects.toThrow();

    expect(await line).toMatchObject({ msg: 'request aborted by the client', res: { status: 499 } });
    expect(await metrics.registry.metrics()).toContain('route="/hangs",status="499"} 1');
  });

  test.each(['/healthz', '/readyz', '/metrics'])(
    'When %s is requested, then no line is logged',
    async (path) => {
      const { app, lines } = createApp();

      await request(app).get(path).expect(200);

      expect(lines).toEqual([]);
    },
  );
});

import './closedNetwork';
import request from 'supertest';
import { createBaseApp, createMetrics, route, type RunningServer, serve } from '../src/index';
import { expectRefused } from './expectRefused';
import { RawCaller } from './pipeline';
import { createTestLogger, type TestLogger } from './testLogger';

describe('A server at its request limit', () => {
  let log: TestLogger;
  const metrics = createMetrics();
  let server: RunningServer;
  let release: () => void;
  let holder: RawCaller;

  beforeEach(async () => {
    log = createTestLogger();
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const app = createBaseApp({ logger: log.logger, metrics, maximumRequests: 2 }, (router) => {
      route(router, '/hold', {
        get: async (_request, response) => {
          log.logger.info('holding');
          await released;
          response.json('held');
        },
      });
    });
    server = await serve({ name: 'test', app, host: '127.0.0.1', port: 0, logger: log.logger });
    holder = await RawCaller.open(server.port);
    holder.get('/hold');
    const holding = log.logged(({ msg }) => msg === 'holding');
    holder.get('/hold');
    await holding;
  });

  afterEach(async () => {
    release();
    holder.socket.destroy();
    await server.close();
  });

  test('When another request comes, then it is refused at once, and its connection is closed', async () => {
    const answer = await request(server.url).get('/hold');

    expectRefused(answer, 503, 'overloaded');
    expect(answer.headers).toMatchObject({ 'retry-after': '1', connection: 'close' });
    expect(log.lines).toContainEqual(expect.objectContaining({ code: 'overloaded' }));
    expect(log.lines).toContainEqual(expect.objectContaining({ res: { status: 503 } }));
    expect(await metrics.registry.metrics()).toContain('_count{method="GET",route="none",status="503"} 1');
  });

  test.each(['/healthz', '/readyz', '/metrics'])(
    'When a probe asks for %s, then it is answered',
    async (path) => {
      await request(server.url).get(path).expect(200);
    },
  );

  test('When one was answered, then the next is accepted', async () => {
    release();
    await holder.answers(2);

    await request(server.url).get('/hold').expect(200);
  });

  test('When the client of both has disconnected, then the next is accepted', async () => {
    const gone = log.logged(({ res }) => res?.status === 499);
    holder.socket.destroy();
    await gone;
    release();

    await request(server.url).get('/hold').expect(200);
  });
});

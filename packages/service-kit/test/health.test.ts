import './closedNetwork';
import request from 'supertest';
import { createBaseApp, createMetrics, Readiness, route, serve } from '../src/index';
import { sendRaw } from './rawHttp';
import { createTestLogger } from './testLogger';

function createApp({ readiness = new Readiness(), metrics = createMetrics() } = {}) {
  return createBaseApp({ logger: createTestLogger().logger, readiness, metrics }, (app) => {
    route(app, '/things/:id', {
      get: (_request, response) => {
        response.json('thing');
      },
    });
  });
}

describe('Health', () => {
  test('When the process runs, then /healthz is 200', async () => {
    await request(createApp()).get('/healthz').expect(200, { status: 'ok' });
  });

  test('When the program is not ready yet, then /readyz is 503, and 200 afterwards', async () => {
    let ready = false;
    const app = createApp({ readiness: new Readiness(() => ready) });

    await request(app).get('/readyz').expect(503, { status: 'not_ready' });
    ready = true;
    await request(app).get('/readyz').expect(200, { status: 'ready' });
  });

  test('When the program stops, then /readyz is 503', async () => {
    const readiness = new Readiness();
    const app = createApp({ readiness });

    readiness.stop();

    await request(app).get('/readyz').expect(503, { status: 'stopping' });
    await request(app).get('/healthz').expect(200);
  });

  test('When HEAD is sent to /readyz, then it gets the status', async () => {
    await request(createApp()).head('/readyz').expect(200);
  });
});

describe('Metrics', () => {
  test('When requests are answered, then they are counted by route pattern, never by path', async () => {
    const app = createApp();
    await request(app).get('/things/1');
    await request(app).get('/things/2');
    await request(app).get('/nowhere/3');

    const response = await request(app).get('/metrics');

    expect(response.headers['content-type']).toMatch(/^text\/plain/);
    expect(response.text).toContain(
      'http_request_duration_seconds_count{method="GET",route="/things/:id",status="200"} 2',
    );
    expect(response.text).toContain(
      'http_request_duration_seconds_count{method="GET",route="none",status="404"} 1',
    );
    expect(response.text).not.toMatch(/things\/1|nowhere/);
  });

  test('When series start at 0, then they exist before the first request', async () => {
    const metrics = createMetrics();
    metrics.startAtZero('GET', '/things/:id', [200, 503]);

    const text = await metrics.registry.metrics();

    for (const status of [200, 503]) {
      const labels = `method="GET",route="/things/:id",status="${status}"`;
      expect(text).toContain(`http_request_duration_seconds_count{${labels}} 0`);
      expect(text).toContain(`http_request_duration_seconds_bucket{le="0.25",${labels}} 0`);
    }
  });

  test('When a method is unknown, then it is counted as other', async () => {
    const app = createApp();
    const server = await serve({ name: 'test', app, host: '127.0.0.1', port: 0, ...createTestLogger() });
    for (const method of ['PROPFIND', 'MKCOL', 'PURGE', 'PATCH']) {
      await sendRaw(server.port, `${method} /things/1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    }

    const { text } = await request(server.url).get('/metrics');

    expect(text).toContain('_count{method="other",route="/things/:id",status="405"} 3');
    expect(text).toContain('_count{method="PATCH",route="/things/:id",status="405"} 1');
    expect(text).not.toMatch(/PROPFIND|MKCOL|PURGE/);
    await server.close();
  });

  test('When a request is answered, then the answer has the security headers and does not name the framework', async () => {
    const { headers } = await request(createApp()).get('/healthz');

    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'strict-transport-security': expect.any(String),
      'content-security-policy': expect.any(String),
    });
    expect(headers).not.toHaveProperty('x-powered-by');
    expect(headers).not.toHaveProperty('access-control-allow-origin');
  });
});

import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { tracingChannel } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { createServer } from 'node:http';
import express from 'express';
import request from 'supertest';
import {
  createBaseApp,
  HttpError,
  inSpan,
  readConfig,
  route,
  serverSettings,
  type Tracing,
} from '../src/index';
import { openTracing, traceChannel } from '../src/tracing';
import { z } from 'zod';
import { crossFieldChecks } from '../src/config';
import { type Collector, startCollector } from './collector';
import { createTestLogger } from './testLogger';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const caller = { traceparent: `00-${traceId}-b7ad6b7169203331-01` };
const schema = z.object(serverSettings(0)).check(crossFieldChecks);

let collector: Collector;
beforeEach(async () => {
  collector = await startCollector();
});
afterEach(() => collector.close());

/** An app with tracing on. `stop` sends the spans. */
function setUp(environment: Record<string, string> = {}) {
  const log = createTestLogger();
  const config = readConfig(schema, {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    OTEL_BSP_SCHEDULE_DELAY: '20',
    ...environment,
  });
  const tracing = waitingForRequests(openTracing(config, 'test-service', log.logger)!);
  const app = createBaseApp({ logger: log.logger, tracing }, (registered) => {
    route(registered, '/things/:id', {
      get: async ({ span }, response) => {
        const child = await inSpan(span, 'read', 'client', (inner) => Promise.resolve(inner?.headers()));
        response.json(child ?? {});
      },
    });
    route(registered, '/failing', {
      get: () => {
        throw new HttpError(503, 'broken', 'Broken', { cause: new Error('the reason') });
      },
    });
    route(registered, '/hanging', { get: () => undefined });
    registered.use(express.json());
  });
  return { app, log, tracing };
}

/** A client may have its answer before the span of the request has ended: `stop` waits for that. */
function waitingForRequests(tracing: Tracing): Tracing {
  const inProgress = new Set<object>();
  return {
    startSpan: (...given) => {
      const span = tracing.startSpan(...given);
      const end = span.end.bind(span);
      span.end = (failure) => {
        inProgress.delete(span);
        end(failure);
      };
      inProgress.add(span);
      return span;
    },
    stop: async () => {
      while (inProgress.size > 0) await new Promise((resolve) => setTimeout(resolve, 2));
      await tracing.stop();
    },
  };
}

/** The spans that were sent, by their names. */
async function sent(tracing: Tracing): Promise<Record<string, Collector['spans'][number] | undefined>> {
  await tracing.stop();
  return Object.fromEntries(collector.spans.map((span) => [span.name, span]));
}

describe('The span of a request', () => {
  test("When a caller sends traceparent, then the span is a child of the caller's", async () => {
    const { app, tracing } = setUp();

    const { body } = await request(app).get('/things/1?token=x').set(caller).expect(200);

    const { 'GET /things/:id': server, read } = await sent(tracing);
    expect(server).toMatchObject({
      traceId,
      parentSpanId: 'b7ad6b7169203331',
      kind: 2,
      service: 'test-service',
      attributes: {
        'http.request.method': 'GET',
        'url.path': '/things/1',
        'url.scheme': 'http',
        'http.route': '/things/:id',
        'http.response.status_code': '200',
      },
    });
    expect(read).toMatchObject({ traceId, parentSpanId: server!.spanId, kind: 3 });
    expect(body).toEqual({ traceparent: `00-${traceId}-${read!.spanId}-01` });
  });

  test('When a request is answered or refused, then each log line has the ids of its trace', async () => {
    const { app, log, tracing } = setUp();

    await request(app).get('/failing').set(caller).expect(503);

    const { 'GET /failing': span } = await sent(tracing);
    expect(log.lines).toHaveLength(2);
    for (const line of log.lines) expect(line).toMatchObject({ trace_id: traceId, span_id: span!.spanId });
    expect(span).toMatchObject({ attributes: { 'error.type': '503' }, status: { code: 2 } });
  });

  test('When the caller sends no traceparent or a malformed one, then a new trace begins', async () => {
    const { app, tracing } = setUp();

    await request(app).get('/things/1');
    await request(app)
      .get('/none')
      .set('traceparent', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`);

    const { 'GET /things/:id': first, GET: second } = await sent(tracing);
    expect(first).not.toHaveProperty('parentSpanId');
    expect(second).not.toHaveProperty('parentSpanId');
    expect(second!.attributes).toMatchObject({ 'http.response.status_code': '404' });
    expect(second!.status).toEqual({});
    expect(second!.attributes).not.toHaveProperty(['http.route']);
  });

  test('When the client disconnects, then the span has no status and an error', async () => {
    const { app, log, tracing } = setUp();
    const server = createServer(app).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const aborted = log.logged(({ msg }) => msg === 'request aborted by the client');
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');

    socket.write('GET /hanging HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(server, 'request');
    socket.destroy();
    await aborted;
    server.close();

    const { 'GET /hanging': span } = await sent(tracing);
    expect(span!.attributes).toMatchObject({ 'error.type': 'client_disconnected' });
    expect(span!.attributes).not.toHaveProperty(['http.response.status_code']);
  });

  test('When a probe is answered, then there is no span', async () => {
    const { app, tracing } = setUp();

    await request(app).get('/healthz').set(caller).expect(200);

    expect(await sent(tracing)).toEqual({});
  });

  test('When the method is invented, then the name of the span is not', async () => {
    const { app, tracing } = setUp();

    await request(app).propfind('/things/1');

    const { 'HTTP /things/:id': span } = await sent(tracing);
    expect(span!.attributes).toMatchObject({ 'http.request.method': '_OTHER' });
  });
});

describe('Sampling', () => {
  test.each([
    ['the caller does not sample', {}, '00'],
    ['it is always off', { OTEL_TRACES_SAMPLER: 'always_off' }, '01'],
    ['the ratio is 0', { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' }, '01'],
  ])(
    'When %s, then nothing is sent, but traceparent and log still have the trace',
    async (_, settings, flag) => {
      const { app, log, tracing } = setUp(settings);

      const { body } = await request(app)
        .get('/things/1')
        .set('traceparent', `00-${traceId}-b7ad6b7169203331-${flag}`);

      expect(await sent(tracing)).toEqual({});
      expect(body.traceparent).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-00$`));
      expect(log.lines[0]).toMatchObject({ trace_id: traceId });
      expect(log.lines[0]).not.toHaveProperty('span_id');
    },
  );

  test('When the ratio is 1, then a trace is sent that the caller does not sample', async () => {
    const { app, tracing } = setUp({ OTEL_TRACES_SAMPLER: 'traceidratio' });

    await request(app).get('/things/1').set('traceparent', `00-${traceId}-b7ad6b7169203331-00`);

    expect(Object.keys(await sent(tracing))).toEqual(['read', 'GET /things/:id']);
  });

  test('When only roots are sampled by ratio, then a caller that samples is followed', async () => {
    const { app, tracing } = setUp({
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0.0',
    });

    await request(app).get('/things/1');
    await request(app).get('/things/1').set(caller);

    await sent(tracing);
    expect(collector.spans.map((span) => span.traceId)).toEqual([traceId, traceId]);
  });
});

describe('The export', () => {
  test('When headers and a service name are set, then the export has them', async () => {
    const { app, tracing } = setUp({
      OTEL_EXPORTER_OTLP_HEADERS: 'Authorization=Bearer%20x%3Dy, x-team=payments',
      OTEL_SERVICE_NAME: 'my-name',
    });

    await request(app).get('/things/1');
    await sent(tracing);

    expect(collector.requests).toMatchObject([
      {
        url: '/v1/traces',
        headers: { authorization: 'Bearer x=y', 'x-team': 'payments', 'content-type': 'application/json' },
      },
    ]);
    expect(collector.spans[0]).toMatchObject({ service: 'my-name' });
  });

  test('When the receiver refuses for a while, then two lines are logged, and requests are answered', async () => {
    const { app, log, tracing } = setUp();
    collector.behave((_request, response) => response.writeHead(400).end());
    const failed = log.logged(({ msg }) => msg === 'traces are not exported');

    await request(app).get('/things/1').expect(200);
    await failed;
    for (const count of [2, 3]) {
      await request(app).get('/things/1').expect(200);
      while (collector.requests.length < count) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    collector.behave((_request, response) => response.end('{}'));
    const recovered = log.logged(({ msg }) => msg === 'traces are exported again');
    await request(app).get('/things/1').expect(200);
    await recovered;

    await tracing.stop();
    expect(log.lines.filter(({ msg }) => msg.startsWith('traces'))).toHaveLength(2);
  });

  test.each([
    ['a broken body', 200, []],
    ['a redirect', 302, ['traces are not exported']],
  ])('When the receiver answers with %s, then the batch is sent once', async (_case, status, lines) => {
    const { app, log, tracing } = setUp();
    collector.behave((_request, response) => {
      response.writeHead(status, { 'content-length': '5', location: '/elsewhere' });
      response.write('{', () => response.destroy());
    });

    await request(app).get('/things/1').expect(200);
    await tracing.stop();

    expect(collector.requests).toHaveLength(1);
    expect(log.lines.map(({ msg }) => msg).filter((msg) => msg.startsWith('traces'))).toEqual(lines);
  });

  test('When the receiver hangs, then requests are answered, and a stop takes at most 2 s', async () => {
    const { app, tracing } = setUp();
    collector.behave(() => undefined);
    await request(app).get('/things/1').expect(200);
    while (collector.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await request(app).get('/things/1').expect(200);

    const startedAt = performance.now();
    await tracing.stop();

    expect(performance.now() - startedAt).toBeLessThan(3_000);
  });

  test('When the receiver never completes the TLS handshake, then a stop takes at most 2 s', async () => {
    const silent = createTcpServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const { app, tracing } = setUp({ OTEL_EXPORTER_OTLP_ENDPOINT: `https://127.0.0.1:${port}` });
    const connected = once(silent, 'connection') as Promise<[Socket]>;
    await request(app).get('/things/1').expect(200);
    const [socket] = await connected;

    const startedAt = performance.now();
    await tracing.stop();
    const milliseconds = performance.now() - startedAt;
    socket.destroy();
    silent.close();

    expect(milliseconds).toBeLessThan(3_000);
  });
});

test('When a tracing channel is traced, then its operations are spans, one inside the other', async () => {
  const { tracing } = setUp();
  interface Message {
    context?: unknown;
    error?: unknown;
    name: string;
  }
  const end = traceChannel<Message>(tracing, 'test.operation', {
    name: ({ name }) => name,
    kind: 'internal',
    attributes: ({ name }) => ({ 'test.name': name }),
  });
  const channel = tracingChannel<unknown, Message>('test.operation');
  const outer: Message = { name: 'outer' };

  await channel
    .tracePromise(async () => {
      await channel.tracePromise(() => Promise.resolve(), { name: 'inner', context: outer.context });
      throw Object.assign(new Error('no'), { reason: 'refused' });
    }, outer)
    .catch(() => undefined);
  end();
  await channel.tracePromise(() => Promise.resolve(), { name: 'later' });

  const { outer: outerSpan, inner, later } = await sent(tracing);
  expect(outerSpan).toMatchObject({
    attributes: { 'test.name': 'outer', 'error.type': 'refused' },
    status: { code: 2, message: 'no' },
  });
  expect(inner).toMatchObject({ parentSpanId: outerSpan!.spanId, status: {} });
  expect(later).toBeUndefined();
});

describe('The settings', () => {
  const { logger } = createTestLogger();

  test.each([
    [{}],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:1', OTEL_SDK_DISABLED: 'TRUE' }],
    [{ OTEL_SERVICE_NAME: 'x', OTEL_TRACES_SAMPLER: 'always_on' }],
  ])('When they are %j, then tracing is off', (environment) => {
    expect(
      openTracing(readConfig(schema, environment as Record<string, string>), 'x', logger),
    ).toBeUndefined();
  });

  test('When they are wrong, then one message names each, without the headers', () => {
    const secret = 'keep-this-out-of-logs';
    const read = () =>
      readConfig(schema, {
        OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318',
        OTEL_EXPORTER_OTLP_HEADERS: `authorization=%${secret}`,
        OTEL_TRACES_SAMPLER: 'jaeger_remote',
        OTEL_TRACES_SAMPLER_ARG: '1.5',
        OTEL_BSP_SCHEDULE_DELAY: '0',
        OTEL_SDK_DISABLED: 'yes',
      });

    expect(read).toThrow('OTEL_EXPORTER_OTLP_ENDPOINT: must be https:// unless it is on this machine');
    expect(read).toThrow('OTEL_EXPORTER_OTLP_HEADERS: must be name=value pairs');
    expect(read).toThrow('OTEL_TRACES_SAMPLER: must be one of always_on, always_off,');
    expect(read).toThrow('OTEL_TRACES_SAMPLER_ARG: must be a number from 0 to 1');
    expect(read).toThrow('OTEL_BSP_SCHEDULE_DELAY: must be a whole number from 1 to 3600000');
    expect(read).toThrow('OTEL_SDK_DISABLED: must be true or false');
    expect(read).not.toThrow(secret);
  });

  test.each(['a', 'a=%zz', '=b', 'a=b,', 'a=b%0d%0ac: d', 'a b=c'])(
    'When the headers are "%s", then they are refused',
    (headers) => {
      expect(() => readConfig(schema, { OTEL_EXPORTER_OTLP_HEADERS: headers })).toThrow(
        'must be name=value pairs',
      );
    },
  );

  test.each(['Content-Length=1', 'a=b,transfer-encoding=chunked', 'expect=100-continue'])(
    'When the headers are "%s", which undici sets itself, then they are refused',
    (headers) => {
      expect(() => readConfig(schema, { OTEL_EXPORTER_OTLP_HEADERS: headers })).toThrow(
        'OTEL_EXPORTER_OTLP_HEADERS: must not contain connection, content-length,',
      );
    },
  );
});

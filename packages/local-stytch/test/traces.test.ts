import { TraceStore, type Span } from '../src/traces';
import { expectRefusal, type Json, startLocalStytch, type TestStytch } from './localStytch';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const spanId = 'b7ad6b7169203331';

let stytch: TestStytch;
beforeAll(async () => {
  stytch = await startLocalStytch();
});
afterAll(() => stytch.close());
beforeEach(() => stytch.admin('POST', '/reset'));

function span(more: object = {}): object {
  const times = { startTimeUnixNano: '1700000000000000000', endTimeUnixNano: '1700000000012500000' };
  return { traceId, spanId, name: 'GET /orders', kind: 2, ...times, ...more };
}

function otlp(service: string, ...spans: object[]): object {
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: service } }] };
  return { resourceSpans: [{ resource, scopeSpans: [{ scope: { name: 'x' }, spans }] }] };
}

const send = (body: object) => stytch.admin('POST', '/v1/traces', body);
const list = async (query = ''): Promise<Record<string, unknown>[]> =>
  (await stytch.admin('GET', `/traces${query}`)).traces as Record<string, unknown>[];
const show = (id = traceId) => stytch.admin('GET', `/traces/${id}`);
const post = (body: string, type = 'application/json') =>
  fetch(`${stytch.url}/local/v1/traces`, { method: 'POST', body, headers: { 'Content-Type': type } });

describe('Spans of services', () => {
  test('When two services send spans of a trace, then it is one trace, in the order of time', async () => {
    const child = {
      spanId: 'aaaaaaaaaaaaaaaa',
      parentSpanId: spanId,
      startTimeUnixNano: '1700000000005000000',
    };
    await send(otlp('stock', span({ ...child, name: 'GET /stock', status: { code: 2, message: 'no' } })));
    await send(
      otlp('orders', span({ attributes: [attribute('http.response.status_code', { intValue: '502' })] })),
    );

    expect(await list()).toEqual([
      {
        trace_id: traceId,
        name: 'GET /orders',
        http_status: 502,
        services: ['orders', 'stock'],
        spans: 2,
        error: true,
        start_milliseconds: 1_700_000_000_000,
        duration_milliseconds: 12.5,
      },
    ]);
    expect((await show()).spans).toMatchObject([
      { service: 'orders', parent_span_id: null, kind: 'server', status: { code: 'unset', message: null } },
      {
        service: 'stock',
        parent_span_id: spanId,
        duration_milliseconds: 7.5,
        status: { code: 'error', message: 'no' },
      },
    ]);
  });

  test('When a service is given, then only its traces are listed, newest first', async () => {
    await send(otlp('orders', span(), span({ traceId: '1'.repeat(32) })));
    await send(otlp('stock', span({ traceId: '2'.repeat(32) })));

    expect((await list('?service=orders')).map((trace) => String(trace.trace_id))).toEqual([
      '1'.repeat(32),
      traceId,
    ]);
    expect(await list('?service=none')).toEqual([]);
  });

  test('When attributes have any type, then they are values; long ones are cut', async () => {
    const attributes = [
      attribute('text', { stringValue: 'x'.repeat(1_000) }),
      attribute('yes', { boolValue: true }),
      attribute('number', { doubleValue: 1.5 }),
      attribute('list', { arrayValue: { values: [{ stringValue: 'a' }] } }),
      attribute('none', {}),
    ];
    await send(otlp('orders', span({ attributes, flags: 1, droppedAttributesCount: 0 })));

    const [{ attributes: read }] = (await show()).spans as [Json];
    expect(read).toEqual({
      text: `${'x'.repeat(256)}…`,
      yes: true,
      number: 1.5,
      list: '{"arrayValue":{"values":[{"stringValue":"a"}]}}',
      none: null,
    });
  });

  test.each<[string, Json]>([
    ['nothing', {}],
    ['a span without times', otlp('x', { traceId, spanId, name: 'x' })],
    ['a wrong trace id', otlp('x', span({ traceId: 'xyz' }))],
    ['spans that are not a list', { resourceSpans: [{ scopeSpans: [{ spans: 1 }] }] }],
  ])('When the body is %s, then it is answered 400, and nothing is stored', async (_what, body) => {
    await expectInvalid(await post(JSON.stringify(body)));
    expect(await list()).toEqual([]);
  });

  test('When the body is not JSON, of another type or too large, then it is refused', async () => {
    await expectRefusal(await post('{'), 400, 'malformed_json');
    await expectRefusal(await post('x', 'application/x-protobuf'), 415, 'unsupported_media_type');
    await expectRefusal(await post(JSON.stringify('x'.repeat(4_200_000))), 413, 'body_too_large');
    await expectRefusal(await fetch(`${stytch.url}/local/traces/none`), 404, 'trace_not_found');
  });

  test('When spans are received or read, then that is neither a span nor a line of the request log', async () => {
    await send(otlp('orders', span()));
    await show();

    expect(await list()).toHaveLength(1);
    expect((await stytch.admin('GET', '/requests')).requests).toEqual([]);
  });
});

describe('Spans of the emulator', () => {
  const ask = (traceparent: string | undefined, secret = stytch.seed.clientSecret) => {
    const form = { grant_type: 'client_credentials', client_id: stytch.seed.clientId, client_secret: secret };
    return stytch.token(form, traceparent === undefined ? {} : { traceparent });
  };
  /** The span is added when the answer has been sent. */
  const spans = async (): Promise<Json[]> => {
    for (;;) {
      const [trace] = await list();
      if (trace) return (await show(trace.trace_id as string)).spans as Json[];
    }
  };

  test('When a caller sends traceparent, then its request is a span of that trace', async () => {
    await ask(`00-${traceId}-${spanId}-01`);

    expect(await spans()).toMatchObject([
      {
        trace_id: traceId,
        parent_span_id: spanId,
        service: 'local-stytch',
        name: 'POST /v1/public/:projectId/oauth2/token',
        kind: 'server',
        attributes: { 'http.response.status_code': 200, 'http.request.method': 'POST' },
      },
    ]);
  });

  test('When a caller sends none or a malformed one, then its request is a trace of its own', async () => {
    await ask(`00-${traceId}-${'0'.repeat(16)}-01`, 'wrong');

    const [own] = await spans();
    expect(own).toMatchObject({
      parent_span_id: null,
      attributes: { 'http.response.status_code': 400, 'error.type': 'invalid_client' },
    });
    expect(own.trace_id).not.toBe(traceId);
    expect(JSON.stringify(own)).not.toContain('wrong');
  });

  test('When the caller does not sample, then there is no span', async () => {
    await ask(`00-${traceId}-${spanId}-00`);
    await ask(`00-${'1'.repeat(32)}-${spanId}-01`);

    expect((await spans()).map((one) => String(one.trace_id))).toEqual(['1'.repeat(32)]);
    expect(await list()).toHaveLength(1);
  });
});

describe('The store', () => {
  const stored = (number: number, trace = number): Span => ({
    trace_id: String(trace),
    span_id: String(number),
    parent_span_id: null,
    service: 'x',
    name: 'x',
    kind: 'internal',
    start_milliseconds: number,
    duration_milliseconds: 1,
    attributes: {},
    status: { code: 'unset', message: null },
  });

  test('When there are more than 500 traces, then the oldest is dropped', () => {
    const store = new TraceStore();

    store.add(Array.from({ length: 501 }, (_, index) => stored(index)));

    expect(store.list()).toHaveLength(500);
    expect(store.get('0')).toBeUndefined();
  });

  test('When the traces are large, then at most 20,000 spans are stored, 1,000 of each trace', () => {
    const store = new TraceStore();

    store.add(Array.from({ length: 40_000 }, (_, index) => stored(index, Math.floor(index / 1_500))));

    const counts = store.list().map(({ spans }) => spans);
    expect(Math.max(...counts)).toBe(1_000);
    expect(counts.reduce((sum, count) => sum + count)).toBeLessThanOrEqual(20_000);
    expect(store.get('26')).toBeDefined();
  });
});

function attribute(key: string, value: object) {
  return { key, value };
}

async function expectInvalid(response: Response) {
  await expectRefusal(response, 400, 'invalid_admin_request');
}

import { otlpBody, type SpanRecord } from '../src/otlpBody';
import type { SpanAttributes } from '../src/traceSpan';

function span(about: Partial<SpanRecord>): SpanRecord {
  return {
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanId: 'b7ad6b7169203331',
    parentSpanId: undefined,
    traceState: undefined,
    name: 'GET /things',
    kind: 'server',
    startedAt: 1_796_000_000_000.125,
    endedAt: 1_796_000_000_001,
    attributes: [],
    failure: undefined,
    ...about,
  };
}

function read(spans: SpanRecord[]) {
  const body = JSON.parse(otlpBody('test-service', spans)) as {
    resourceSpans: [{ scopeSpans: [{ spans: Record<string, unknown>[] }] }];
  };
  return body.resourceSpans[0].scopeSpans[0].spans;
}

/** The attributes of a span as they are sent. */
function sent(attributes: SpanAttributes[]) {
  return read([span({ attributes })])[0]!.attributes;
}

test('When texts have characters that JSON escapes, then they arrive as they are', () => {
  const text = 'a "b" \\ \n \u0000 \u2028 é';
  const failure = { type: 'x', message: text };

  const [only] = read([span({ name: text, traceState: text, failure, attributes: [{ text }] })]);

  expect(only).toMatchObject({
    name: text,
    traceState: text,
    status: { code: 2, message: text },
    attributes: [{ key: 'text', value: { stringValue: text } }],
  });
});

test('When attributes have types, then each has its own field, and undefined is left out', () => {
  const attributes = sent([{ a: 'x', b: undefined, c: 200 }, { d: 0.5 }, {}, { e: false, f: '200' }]);

  expect(attributes).toEqual([
    { key: 'a', value: { stringValue: 'x' } },
    { key: 'c', value: { intValue: '200' } },
    { key: 'd', value: { doubleValue: 0.5 } },
    { key: 'e', value: { boolValue: false } },
    { key: 'f', value: { stringValue: '200' } },
  ]);
});

test('When a key has more values than are kept, then all of them are right, twice', () => {
  const paths = Array.from({ length: 250 }, (_, index) => `/things/${index}`);
  const expected = paths.map((path) => [{ key: 'url.path', value: { stringValue: path } }]);
  const spans = paths.map((path) => span({ attributes: [{ 'url.path': path }] }));

  expect(read(spans).map(({ attributes }) => attributes)).toEqual(expected);
  expect(read(spans).map(({ attributes }) => attributes)).toEqual(expected);
});

test('When a time has fractions, then it is exact to the microsecond', () => {
  expect(read([span({})])[0]).toMatchObject({
    startTimeUnixNano: '1796000000000125000',
    endTimeUnixNano: '1796000000001000000',
  });
});

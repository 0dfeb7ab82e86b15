import type { SpanAttributes, SpanFailure, SpanKind } from './traceSpan';

/** An ended span. Times are in milliseconds since 1970, with fractions. */
export interface SpanRecord {
  traceId: string;
  spanId: string;
  parentSpanId: string | undefined;
  traceState: string | undefined;
  name: string;
  kind: SpanKind;
  startedAt: number;
  endedAt: number;
  attributes: SpanAttributes;
  failure: SpanFailure | undefined;
}

/** OTLP's numbers. */
const kinds: Record<SpanKind, number> = { internal: 1, server: 2, client: 3 };
const failed = 2;

/** Makes the body of an OTLP/HTTP request in JSON (`ExportTraceServiceRequest`). */
export function otlpBody(service: string, spans: readonly SpanRecord[]): string {
  const resource = { attributes: attributesOf({ 'service.name': service }) };
  const scopeSpans = [{ scope: { name: 'service-kit' }, spans: spans.map(describe) }];
  return JSON.stringify({ resourceSpans: [{ resource, scopeSpans }] });
}

function describe(span: SpanRecord) {
  const { traceId, spanId, parentSpanId, traceState, name, kind, startedAt, endedAt, failure } = span;
  return {
    traceId,
    spanId,
    parentSpanId,
    traceState,
    name,
    kind: kinds[kind],
    startTimeUnixNano: nanoseconds(startedAt),
    endTimeUnixNano: nanoseconds(endedAt),
    attributes: attributesOf(span.attributes),
    status: failure ? { code: failed, message: failure.message } : {},
  };
}

/** A decimal string: a number is not exact enough. Microseconds are. */
function nanoseconds(milliseconds: number): string {
  return `${Math.round(milliseconds * 1_000)}000`;
}

function attributesOf(attributes: SpanAttributes) {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: valueOf(value) }));
}

function valueOf(value: SpanAttributes[string]) {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}

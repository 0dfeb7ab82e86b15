import { z } from 'zod';
import { type AttributeValue, round, type Span } from './traces';

/** Longer texts are cut. */
const maxCharacters = 256;
/** Further attributes of a span are ignored. */
const maxAttributes = 32;

const kinds = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'] as const;
const statusCodes = ['unset', 'ok', 'error'] as const;

const id = (characters: number) =>
  z
    .string()
    .regex(new RegExp(`^[0-9a-fA-F]{${characters}}$`), { error: `must be ${characters} hexadecimal digits` })
    .toLowerCase();
/** 64 bits are a decimal string in protobuf's JSON, or a number. */
const nanoseconds = z
  .union([z.string().regex(/^\d{1,20}$/), z.number().nonnegative()])
  .transform((value) => (typeof value === 'string' ? Number(BigInt(value) / 1_000n) / 1_000 : value / 1e6));
const attributes = z
  .array(z.looseObject({ key: z.string(), value: z.record(z.string(), z.unknown()).optional() }))
  .default([]);

const spanSchema = z.looseObject({
  traceId: id(32),
  spanId: id(16),
  parentSpanId: z.union([id(16), z.literal('')]).optional(),
  name: z.string().default(''),
  kind: z.int().default(0),
  startTimeUnixNano: nanoseconds,
  endTimeUnixNano: nanoseconds,
  attributes,
  status: z.looseObject({ code: z.int().default(0), message: z.string().optional() }).optional(),
});

/** The body of `POST /local/v1/traces`: OTLP/HTTP in JSON. Unknown fields are ignored, as OTLP demands. */
export const tracesSchema = z.looseObject({
  resourceSpans: z.array(
    z.looseObject({
      resource: z.looseObject({ attributes }).optional(),
      scopeSpans: z.array(z.looseObject({ spans: z.array(spanSchema).default([]) })).default([]),
    }),
  ),
});

/** Turns an OTLP request into spans. */
export function readSpans({ resourceSpans }: z.infer<typeof tracesSchema>): Span[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const { 'service.name': service = 'unknown_service' } = readAttributes(resource?.attributes ?? []);
    return scopeSpans.flatMap(({ spans }) => spans.map((span) => readSpan(String(service), span)));
  });
}

function readSpan(service: string, span: z.infer<typeof spanSchema>): Span {
  const { startTimeUnixNano: start, endTimeUnixNano: end, status } = span;
  return {
    trace_id: span.traceId,
    span_id: span.spanId,
    parent_span_id: span.parentSpanId || null,
    service,
    name: cut(span.name),
    kind: kinds[span.kind] ?? 'unspecified',
    start_milliseconds: start,
    duration_milliseconds: round(Math.max(0, end - start)),
    attributes: readAttributes(span.attributes),
    status: {
      code: statusCodes[status?.code ?? 0] ?? 'unset',
      message: status?.message ? cut(status.message) : null,
    },
  };
}

function readAttributes(given: z.infer<typeof attributes>): Record<string, AttributeValue> {
  const read = given.slice(0, maxAttributes).map(({ key, value }) => [cut(key), readValue(value ?? {})]);
  return Object.fromEntries(read) as Record<string, AttributeValue>;
}

/** One of OTLP's `AnyValue`. */
function readValue(value: Readonly<Record<string, unknown>>): AttributeValue {
  const { stringValue, boolValue, intValue, doubleValue } = value;
  if (typeof stringValue === 'string') return cut(stringValue);
  if (typeof boolValue === 'boolean') return boolValue;
  const number = intValue ?? doubleValue;
  if (typeof number === 'number' || typeof number === 'string') return Number(number);
  return Object.keys(value).length === 0 ? null : cut(JSON.stringify(value));
}

function cut(text: string): string {
  return text.length > maxCharacters ? `${text.slice(0, maxCharacters)}…` : text;
}

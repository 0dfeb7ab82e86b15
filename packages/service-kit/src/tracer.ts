import { randomFillSync } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { preciseTime } from './preciseTime';
import type { SpanExporter } from './spanExporter';
import type { SpanAttributes, SpanFailure, SpanKind, TraceSpan, Tracing } from './traceSpan';
import type { TracingSettings } from './tracingSettings';

/** W3C Trace Context §3.2. Later versions may add fields. */
const traceparent =
  /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/;
const maxStateCharacters = 512;

/** What the spans of one trace have in common in this process. */
interface Trace {
  traceId: string;
  /** `tracestate`, which is passed on as it is. */
  state: string | undefined;
}

/** The span of the caller. */
interface RemoteParent extends Trace {
  spanId: string;
  sampled: boolean;
}

type Sampler = (traceId: string, parent: RemoteParent | undefined) => boolean;

/** Makes the spans of a service. */
export class Tracer implements Tracing {
  readonly #sample: Sampler;
  readonly #exporter: SpanExporter;

  constructor(settings: TracingSettings, exporter: SpanExporter) {
    this.#sample = samplerOf(settings);
    this.#exporter = exporter;
  }

  startSpan(
    name: string,
    kind: SpanKind,
    attributes: SpanAttributes = {},
    headers: IncomingHttpHeaders = {},
  ): TraceSpan {
    const parent = readParent(headers);
    const traceId = parent?.traceId ?? randomHex() + randomHex();
    const trace = { traceId, state: parent?.state };
    return this.#sample(traceId, parent)
      ? new SampledSpan(this.#exporter, trace, parent?.spanId, name, kind, attributes)
      : new UnsampledSpan(trace);
  }

  stop(): Promise<void> {
    return this.#exporter.stop();
  }
}

abstract class LocalSpan {
  readonly spanId = randomHex();
  protected abstract readonly flags: string;

  constructor(protected readonly trace: Trace) {}

  get traceId(): string {
    return this.trace.traceId;
  }

  headers(): Record<string, string> {
    const { traceId, state } = this.trace;
    const own = { traceparent: `00-${traceId}-${this.spanId}-${this.flags}` };
    return state === undefined ? own : { ...own, tracestate: state };
  }
}

/** A span that is not sent, and neither are those inside it. */
class UnsampledSpan extends LocalSpan implements TraceSpan {
  readonly sampled = false;
  protected readonly flags = '00';

  child(): TraceSpan {
    return this;
  }

  set(): void {
    // Not sent.
  }

  rename(): void {
    // Not sent.
  }

  end(): void {
    // Not sent.
  }
}

class SampledSpan extends LocalSpan implements TraceSpan {
  readonly sampled = true;
  protected readonly flags = '01';
  readonly #exporter: SpanExporter;
  readonly #startedAt = preciseTime();
  readonly #attributes: SpanAttributes[];
  readonly #parentSpanId: string | undefined;
  readonly #kind: SpanKind;
  #name: string;

  constructor(
    exporter: SpanExporter,
    trace: Trace,
    parentSpanId: string | undefined,
    name: string,
    kind: SpanKind,
    attributes: SpanAttributes,
  ) {
    super(trace);
    this.#exporter = exporter;
    this.#parentSpanId = parentSpanId;
    this.#name = name;
    this.#kind = kind;
    this.#attributes = [attributes];
  }

  child(name: string, kind: SpanKind, attributes: SpanAttributes = {}): TraceSpan {
    return new SampledSpan(this.#exporter, this.trace, this.spanId, name, kind, attributes);
  }

  set(attributes: SpanAttributes): void {
    this.#attributes.push(attributes);
  }

  rename(name: string): void {
    this.#name = name;
  }

  end(failure?: SpanFailure): void {
    if (failure) this.#attributes.push({ 'error.type': failure.type });
    this.#exporter.add({
      traceId: this.traceId,
      spanId: this.spanId,
      parentSpanId: this.#parentSpanId,
      traceState: this.trace.state,
      name: this.#name,
      kind: this.#kind,
      startedAt: this.#startedAt,
      endedAt: preciseTime(),
      attributes: this.#attributes,
      failure,
    });
  }
}

function readParent({
  traceparent: header,
  tracestate: state,
}: IncomingHttpHeaders): RemoteParent | undefined {
  if (typeof header !== 'string') return undefined;
  const [, traceId, spanId, flags] = traceparent.exec(header) ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  return {
    traceId,
    spanId,
    sampled: (Number.parseInt(flags, 16) & 1) === 1,
    state: typeof state === 'string' && state.length <= maxStateCharacters ? state : undefined,
  };
}

function samplerOf({
  OTEL_TRACES_SAMPLER: name,
  OTEL_TRACES_SAMPLER_ARG: argument,
}: TracingSettings): Sampler {
  const ratio = name.endsWith('ratio') ? argument : name.endsWith('on') ? 1 : 0;
  // The last 56 bits of a trace id are random (W3C Trace Context level 2), so all services sample the same traces.
  const threshold = Math.min(2 ** 52 - 1, Math.round((1 - ratio) * 2 ** 52))
    .toString(16)
    .padStart(13, '0');
  const sampleRoot = (traceId: string) => ratio === 1 || (ratio > 0 && traceId.slice(-14, -1) >= threshold);
  if (!name.startsWith('parentbased_')) return sampleRoot;
  return (traceId, parent) => parent?.sampled ?? sampleRoot(traceId);
}

/** Random bytes in stock: to get them one by one costs more than all the rest of a span. */
const randomBytes = Buffer.alloc(8_192);
let used = randomBytes.length;

/** 16 hexadecimal digits. */
function randomHex(): string {
  if (used === randomBytes.length) {
    randomFillSync(randomBytes);
    used = 0;
  }
  used += 8;
  return randomBytes.toString('hex', used - 8, used);
}

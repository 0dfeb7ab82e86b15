import { randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { SpanRecord } from './otlpBody';
import { preciseTime } from './preciseTime';
import type { SpanExporter } from './spanExporter';
import type { SpanAttributes, SpanFailure, SpanKind, TraceSpan, Tracing } from './traceSpan';
import type { TracingSettings } from './tracingSettings';

/** W3C Trace Context §3.2. Later versions may add fields. */
const traceparentPattern =
  /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/;
const maxStateCharacters = 512;

/** The span of the caller. */
interface RemoteParent {
  traceId: string;
  spanId: string;
  sampled: boolean;
  /** `tracestate`, which is passed on as it is. */
  state: string | undefined;
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

  startSpan(name: string, kind: SpanKind, headers?: IncomingHttpHeaders): TraceSpan {
    const parent = headers && readParent(headers);
    const traceId = parent?.traceId ?? randomHex(32);
    return this.#sample(traceId, parent)
      ? new SampledSpan(this.#exporter, traceId, parent?.spanId, parent?.state, name, kind)
      : new UnsampledSpan(traceId, parent?.state);
  }

  stop(): Promise<void> {
    return this.#exporter.stop();
  }
}

/** A span that is not sent, and neither are those inside it. */
class UnsampledSpan implements TraceSpan {
  readonly sampled = false;
  readonly spanId = undefined;

  constructor(
    readonly traceId: string,
    private readonly traceState: string | undefined,
  ) {}

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

  headers(): Record<string, string> {
    return headersOf(this.traceId, randomHex(16), '00', this.traceState);
  }
}

/** It is also the record that the exporter sends, so that each span is one object. */
class SampledSpan implements TraceSpan, SpanRecord {
  readonly sampled = true;
  readonly spanId = randomHex(16);
  readonly startedAt = preciseTime();
  endedAt = 0;
  readonly attributes: SpanAttributes[] = [];
  failure: SpanFailure | undefined;

  constructor(
    private readonly exporter: SpanExporter,
    readonly traceId: string,
    readonly parentSpanId: string | undefined,
    readonly traceState: string | undefined,
    public name: string,
    readonly kind: SpanKind,
  ) {}

  child(name: string, kind: SpanKind): TraceSpan {
    return new SampledSpan(this.exporter, this.traceId, this.spanId, this.traceState, name, kind);
  }

  set(attributes: SpanAttributes): void {
    this.attributes.push(attributes);
  }

  rename(name: string): void {
    this.name = name;
  }

  end(failure?: SpanFailure): void {
    if (failure) this.set({ 'error.type': failure.type });
    this.failure = failure;
    this.endedAt = preciseTime();
    this.exporter.add(this);
  }

  headers(): Record<string, string> {
    return headersOf(this.traceId, this.spanId, '01', this.traceState);
  }
}

function headersOf(traceId: string, spanId: string, flags: string, state: string | undefined) {
  const traceparent = `00-${traceId}-${spanId}-${flags}`;
  return state === undefined ? { traceparent } : { traceparent, tracestate: state };
}

function readParent({
  traceparent: header,
  tracestate: state,
}: IncomingHttpHeaders): RemoteParent | undefined {
  if (typeof header !== 'string') return undefined;
  const [, traceId, spanId, flags] = traceparentPattern.exec(header) ?? [];
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

/** A stock of random digits: making them for each id costs more than all the rest of a span. */
let randomDigits = '';
let used = 0;

/** @param digits how many hexadecimal digits: at most 8,192. */
function randomHex(digits: number): string {
  if (used + digits > randomDigits.length) {
    randomDigits = randomBytes(4_096).toString('hex');
    used = 0;
  }
  used += digits;
  return randomDigits.slice(used - digits, used);
}

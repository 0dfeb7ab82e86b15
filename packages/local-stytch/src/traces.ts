import { Changes } from './changes';

/** One operation of a trace. Times are in milliseconds, with fractions. */
export interface Span {
  trace_id: string;
  span_id: string;
  /** Null for the first span of a trace. */
  parent_span_id: string | null;
  service: string;
  name: string;
  kind: 'internal' | 'server' | 'client' | 'producer' | 'consumer' | 'unspecified';
  /** Since 1970. */
  start_milliseconds: number;
  duration_milliseconds: number;
  attributes: Readonly<Record<string, AttributeValue>>;
  status: { code: 'unset' | 'ok' | 'error'; message: string | null };
}

export type AttributeValue = string | number | boolean | readonly AttributeValue[] | null;

export interface TraceSummary {
  trace_id: string;
  /** Of the first span. */
  name: string;
  /** The HTTP status of the first span. */
  http_status: number | null;
  /** In the order of their first spans. */
  services: string[];
  spans: number;
  /** Whether a span has failed. */
  error: boolean;
  start_milliseconds: number;
  duration_milliseconds: number;
}

const maxTraces = 500;
const maxSpansOfTrace = 1_000;
/** Of all traces: about 40 MB. */
const maxSpans = 20_000;

/** The last traces, in memory. The oldest is dropped for a new one. */
export class TraceStore {
  private readonly traces = new Map<string, Span[]>();
  private spans = 0;

  constructor(private readonly changes = new Changes()) {}

  /** Adds spans, of any order and service. Beyond 1,000, the spans of a trace are ignored. */
  add(spans: readonly Span[]): void {
    for (const span of spans) {
      const trace = this.traces.get(span.trace_id) ?? [];
      if (trace.length >= maxSpansOfTrace) continue;
      trace.push(span);
      this.traces.set(span.trace_id, trace);
      this.spans += 1;
      this.changes.trace(span.trace_id);
      this.dropOldest();
    }
  }

  /** Newest first. */
  list(service?: string): TraceSummary[] {
    const summaries = [...this.traces.values()].map(summarize).reverse();
    return summaries.filter(({ services }) => service === undefined || services.includes(service));
  }

  /** A trace without its spans; undefined when there is no such trace. */
  summary(traceId: string): TraceSummary | undefined {
    const spans = this.traces.get(traceId);
    return spans && summarize(spans);
  }

  /** The spans of a trace in the order of their starts; undefined when there is no such trace. */
  get(traceId: string): { trace: TraceSummary; spans: Span[] } | undefined {
    const spans = this.traces.get(traceId);
    return spans && { trace: summarize(spans), spans: byStart(spans) };
  }

  clear(): void {
    this.traces.clear();
    this.spans = 0;
    this.changes.reset();
  }

  private dropOldest(): void {
    while (this.traces.size > maxTraces || this.spans > maxSpans) {
      const [oldest] = this.traces;
      if (!oldest) return;
      this.traces.delete(oldest[0]);
      this.spans -= oldest[1].length;
    }
  }
}

function byStart(spans: readonly Span[]): Span[] {
  return [...spans].sort((one, other) => one.start_milliseconds - other.start_milliseconds);
}

function summarize(unsorted: readonly Span[]): TraceSummary {
  const spans = byStart(unsorted);
  const ids = new Set(spans.map(({ span_id }) => span_id));
  // The caller's span is not here, so the parent of the first span may be unknown.
  const first = spans.find(({ parent_span_id: parent }) => parent === null || !ids.has(parent)) ?? spans[0];
  const status = first?.attributes['http.response.status_code'];
  const start = spans[0]?.start_milliseconds ?? 0;
  const end = Math.max(...spans.map((span) => span.start_milliseconds + span.duration_milliseconds));
  return {
    trace_id: first?.trace_id ?? '',
    name: first?.name ?? '',
    http_status: typeof status === 'number' ? status : null,
    services: [...new Set(spans.map(({ service }) => service))],
    spans: spans.length,
    error: spans.some((span) => span.status.code === 'error'),
    start_milliseconds: start,
    duration_milliseconds: round(end - start),
  };
}

/** Rounds milliseconds to microseconds. */
export function round(milliseconds: number): number {
  return Math.round(milliseconds * 1_000) / 1_000;
}

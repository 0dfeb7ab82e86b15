import {
  type Context,
  defaultTextMapGetter,
  defaultTextMapSetter,
  ROOT_CONTEXT,
  type Span,
  SpanKind as Kind,
  SpanStatusCode,
  trace,
  type Tracer,
} from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BasicTracerProvider,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-base';
import type { Logger } from './logger';
import { OtlpExporter } from './otlpExporter';
import { preciseTime } from './preciseTime';
import type { SpanAttributes, SpanFailure, SpanKind, TraceSpan, Tracing } from './traceSpan';
import type { TracingSettings } from './tracingSettings';

/** How long a stop waits for the last export. Milliseconds. */
const stopMilliseconds = 2_000;

const kinds: Record<SpanKind, Kind> = { server: Kind.SERVER, client: Kind.CLIENT, internal: Kind.INTERNAL };
const propagator = new W3CTraceContextPropagator();

/** Creates what makes spans. Only `openTracing` loads this file. */
export function createTracing(
  settings: TracingSettings,
  endpoint: string,
  name: string,
  logger: Logger,
): Tracing {
  const exporter = new OtlpExporter({
    url: `${endpoint}/v1/traces`,
    headers: settings.OTEL_EXPORTER_OTLP_HEADERS ?? {},
    logger,
  });
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': settings.OTEL_SERVICE_NAME ?? name }),
    sampler: samplerOf(settings),
    spanProcessors: [
      // Beyond 2,048 waiting spans it drops new ones.
      new BatchSpanProcessor(exporter, { scheduledDelayMillis: settings.OTEL_BSP_SCHEDULE_DELAY }),
    ],
  });
  const tracer = provider.getTracer(name);
  return {
    startSpan: (spanName, kind, attributes, headers) => {
      const parent = headers ? propagator.extract(ROOT_CONTEXT, headers, defaultTextMapGetter) : ROOT_CONTEXT;
      return startSpan(tracer, parent, spanName, kind, attributes);
    },
    stop: async () => {
      let timer: NodeJS.Timeout | undefined;
      const timeout = new Promise((resolve) => {
        timer = setTimeout(resolve, stopMilliseconds);
      });
      await Promise.race([provider.shutdown().catch(() => undefined), timeout]);
      clearTimeout(timer);
      exporter.abort();
    },
  };
}

function startSpan(
  tracer: Tracer,
  parent: Context,
  name: string,
  kind: SpanKind,
  attributes: SpanAttributes = {},
): TraceSpan {
  const options = { kind: kinds[kind], attributes, startTime: preciseTime() };
  return new OpenTelemetrySpan(tracer, tracer.startSpan(name, options, parent), parent);
}

class OpenTelemetrySpan implements TraceSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly #tracer: Tracer;
  readonly #span: Span;
  readonly #context: Context;

  constructor(tracer: Tracer, span: Span, parent: Context) {
    ({ traceId: this.traceId, spanId: this.spanId } = span.spanContext());
    this.#tracer = tracer;
    this.#span = span;
    this.#context = trace.setSpan(parent, span);
  }

  child(name: string, kind: SpanKind, attributes?: SpanAttributes): TraceSpan {
    // This span is not sampled, so the spans inside are not either. None of its methods has an effect.
    if (!this.#span.isRecording()) return this;
    return startSpan(this.#tracer, this.#context, name, kind, attributes);
  }

  set(attributes: SpanAttributes): void {
    this.#span.setAttributes(attributes);
  }

  rename(name: string): void {
    this.#span.updateName(name);
  }

  end(failure?: SpanFailure): void {
    if (failure) {
      const { type, message } = failure;
      this.#span.setAttribute('error.type', type);
      this.#span.setStatus({ code: SpanStatusCode.ERROR, ...(message !== undefined && { message }) });
    }
    this.#span.end(preciseTime());
  }

  headers(): Record<string, string> {
    const headers = {};
    propagator.inject(this.#context, headers, defaultTextMapSetter);
    return headers;
  }
}

function samplerOf({ OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: ratio }: TracingSettings): Sampler {
  const [, parentBased, root] = /^(parentbased_)?(.*)$/.exec(name) ?? [];
  const sampler =
    root === 'always_on'
      ? new AlwaysOnSampler()
      : root === 'always_off'
        ? new AlwaysOffSampler()
        : new TraceIdRatioBasedSampler(ratio);
  return parentBased === undefined ? sampler : new ParentBasedSampler({ root: sampler });
}

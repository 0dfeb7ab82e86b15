import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Logger } from './logger';
import { SpanExporter } from './spanExporter';
import { Tracer } from './tracer';
import {
  clientAttributes,
  failureOf,
  type SpanAttributes,
  type SpanKind,
  type TraceSpan,
  type Tracing,
} from './traceSpan';
import type { TracingSettings } from './tracingSettings';

/**
 * Creates what makes the spans of a service, and sends them to `OTEL_EXPORTER_OTLP_ENDPOINT`.
 *
 * @param name the service's name, unless `OTEL_SERVICE_NAME` is set.
 * @returns undefined if tracing is off: there is no endpoint, or `OTEL_SDK_DISABLED` is true.
 */
export function openTracing(settings: TracingSettings, name: string, logger: Logger): Tracing | undefined {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_SDK_DISABLED: disabled } = settings;
  if (endpoint === undefined || disabled) return undefined;
  const exporter = new SpanExporter({
    service: settings.OTEL_SERVICE_NAME ?? name,
    url: `${endpoint}/v1/traces`,
    headers: settings.OTEL_EXPORTER_OTLP_HEADERS ?? {},
    delayMilliseconds: settings.OTEL_BSP_SCHEDULE_DELAY,
    logger,
  });
  return new Tracer(settings, exporter);
}

/**
 * Ends tracing in this order: the subscribers, then the last export.
 *
 * @param ends functions of `traceChannel` and the like.
 */
export function withSubscribers(tracing: Tracing, ends: readonly (() => void)[]): Tracing {
  return {
    startSpan: (...given) => tracing.startSpan(...given),
    stop: () => {
      for (const end of ends) end();
      return tracing.stop();
    },
  };
}

/** A message of a tracing channel: the fields that become a span. */
interface Operation {
  context?: unknown;
  error?: unknown;
}

/** How the operations of a tracing channel become spans. */
export interface ChannelSpans<Message extends Operation> {
  name: (message: Message) => string;
  kind: SpanKind;
  /** The attributes of an ended operation. */
  attributes: (message: Message) => SpanAttributes;
  /** The parent. Default: `message.context`. Undefined: a new trace. */
  parent?: (message: Message) => TraceSpan | undefined;
}

/**
 * Makes a span of each operation of a tracing channel (node:diagnostics_channel). It becomes the `context` of the
 * message, so that the operations inside are its children.
 *
 * @returns a function that ends this.
 */
export function traceChannel<Message extends Operation>(
  tracing: Tracing,
  channelName: string,
  { name, kind, attributes, parent = contextOf }: ChannelSpans<Message>,
): () => void {
  // Only two of its five events, because each event with a listener costs time.
  const [start, asyncEnd] = [`tracing:${channelName}:start`, `tracing:${channelName}:asyncEnd`] as const;
  const onStart = (message: unknown) => {
    const operation = message as Message;
    const outer = parent(operation);
    operation.context = outer ? outer.child(name(operation), kind) : tracing.startSpan(name(operation), kind);
  };
  const onEnd = (message: unknown) => {
    const operation = message as Message;
    const span = contextOf(operation);
    if (!span?.sampled) return;
    span.set(attributes(operation));
    span.end(operation.error === undefined ? undefined : failureOf(operation.error));
  };
  subscribe(start, onStart);
  subscribe(asyncEnd, onEnd);
  return () => {
    unsubscribe(start, onStart);
    unsubscribe(asyncEnd, onEnd);
  };
}

/** A request that a library is about to send. */
interface OutgoingRequest {
  context: unknown;
  method: string;
  origin: string;
  path: string;
  headers: Record<string, string>;
}

/**
 * Sends `traceparent` with each request that is published on a channel (node:diagnostics_channel). Its `context` is the
 * span of the request.
 *
 * @returns a function that ends this.
 */
export function propagate(channelName: string): () => void {
  const listener = (message: unknown) => {
    const { context, headers, method, origin, path } = message as OutgoingRequest;
    const span = context as TraceSpan | undefined;
    if (!span) return;
    Object.assign(headers, span.headers());
    span.set(clientAttributes(method, origin + path));
  };
  subscribe(channelName, listener);
  return () => unsubscribe(channelName, listener);
}

function contextOf({ context }: Operation): TraceSpan | undefined {
  return context as TraceSpan | undefined;
}

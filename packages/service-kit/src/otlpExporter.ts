import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base';
import type { Logger } from './logger';

/** How long one export may take, with its retry. Milliseconds. */
const exportMilliseconds = 5_000;
/** The pause before the only retry. Milliseconds. */
const pauseMilliseconds = 1_000;
/** The receiver may accept the same request later (OTLP/HTTP, "Retryable Response Codes"). */
const transientStatuses: ReadonlySet<number> = new Set([429, 502, 503, 504]);

export interface OtlpExporterOptions {
  /** The whole URL. */
  url: string;
  headers: Readonly<Record<string, string>>;
  logger: Logger;
}

/**
 * Sends spans over OTLP/HTTP in JSON. What cannot be sent within 5 s is dropped. The first of several failures in a row
 * is logged, and the end of them.
 *
 * OpenTelemetry's own exporter also installs its SDKs for metrics and logs: 6 packages, twice as much as tracing itself.
 */
export class OtlpExporter implements SpanExporter {
  readonly #options: OtlpExporterOptions;
  readonly #inProgress = new Map<AbortController, Promise<void>>();
  #failing = false;

  constructor(options: OtlpExporterOptions) {
    this.#options = options;
  }

  export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    const body = JSON.stringify(toOtlp(spans));
    const controller = new AbortController();
    const timer = setTimeout(() => {
      controller.abort();
    }, exportMilliseconds).unref();
    const ended = this.#send(body, controller.signal, true).then((failure) => {
      clearTimeout(timer);
      this.#inProgress.delete(controller);
      this.#report(failure);
      done({ code: failure === undefined ? ExportResultCode.SUCCESS : ExportResultCode.FAILED });
    });
    this.#inProgress.set(controller, ended);
  }

  /** Waits for the exports in progress. The batch processor does not. */
  async shutdown(): Promise<void> {
    await Promise.all(this.#inProgress.values());
  }

  /** Ends the exports in progress. */
  abort(): void {
    for (const controller of this.#inProgress.keys()) controller.abort();
  }

  /** Returns why it failed: a status or an error code. Undefined: it succeeded. */
  async #send(body: string, signal: AbortSignal, mayRetry: boolean): Promise<number | string | undefined> {
    const { url, headers } = this.#options;
    let failure: number | string;
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body,
        signal,
        redirect: 'manual',
      });
      await response.body?.cancel();
      if (response.ok) return undefined;
      failure = response.status;
      if (!transientStatuses.has(failure)) return failure;
    } catch (error) {
      if (signal.aborted) return 'timeout';
      const { code = 'unknown' } = ((error as Error).cause ?? {}) as { code?: string };
      failure = code;
    }
    if (!mayRetry) return failure;
    await new Promise((resolve) => setTimeout(resolve, pauseMilliseconds).unref());
    return signal.aborted ? failure : this.#send(body, signal, false);
  }

  #report(failure: number | string | undefined): void {
    const { logger } = this.#options;
    const failing = failure !== undefined;
    if (failing && !this.#failing) logger.warn({ code: failure }, 'traces are not exported');
    if (!failing && this.#failing) logger.info('traces are exported again');
    this.#failing = failing;
  }
}

/** All spans of one process have the same resource and scope. */
function toOtlp(spans: readonly ReadableSpan[]) {
  const [first] = spans;
  const resource = { attributes: attributesOf(first?.resource.attributes ?? {}) };
  const scope = { name: first?.instrumentationScope.name ?? '' };
  return { resourceSpans: [{ resource, scopeSpans: [{ scope, spans: spans.map(describe) }] }] };
}

function describe(span: ReadableSpan) {
  const { traceId, spanId, traceState } = span.spanContext();
  const { parentSpanContext: parent, status } = span;
  return {
    traceId,
    spanId,
    ...(traceState && { traceState: traceState.serialize() }),
    ...(parent && { parentSpanId: parent.spanId }),
    name: span.name,
    // OTLP counts from 1: 0 is an unknown kind.
    kind: span.kind + 1,
    startTimeUnixNano: nanoseconds(span.startTime),
    endTimeUnixNano: nanoseconds(span.endTime),
    attributes: attributesOf(span.attributes),
    status,
  };
}

/** The time as a decimal string: a number is not exact enough. */
function nanoseconds([seconds, rest]: readonly [number, number]): string {
  return `${seconds}${String(rest).padStart(9, '0')}`;
}

function attributesOf(attributes: Readonly<Record<string, unknown>>) {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: valueOf(value) }));
}

function valueOf(value: unknown) {
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value !== 'number') return { stringValue: String(value) };
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}

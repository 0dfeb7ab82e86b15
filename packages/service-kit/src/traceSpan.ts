import type { IncomingHttpHeaders } from 'node:http';
import { innermostMessage } from './errors';

/** `server` and `client` are the two sides of a request. */
export type SpanKind = 'server' | 'client' | 'internal';
/** A value that is undefined is not sent. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** Why an operation failed. */
export interface SpanFailure {
  /** The attribute `error.type`: one of a few values. */
  type: string;
  message?: string | undefined;
}

/** A span in progress: one operation of a trace. No attribute contains a token, a secret or the id of a customer. */
export interface TraceSpan {
  readonly traceId: string;
  /** Undefined if it is not sampled: nobody can find such a span. */
  readonly spanId: string | undefined;
  /** False: it is not sent. Its attributes need not be made. */
  readonly sampled: boolean;
  /** Starts an operation inside this one. */
  child(name: string, kind: SpanKind): TraceSpan;
  set(attributes: SpanAttributes): void;
  rename(name: string): void;
  end(failure?: SpanFailure): void;
  /** `traceparent` for a request of this operation, and `tracestate` if the caller sent one. */
  headers(): Record<string, string>;
}

/** Makes the spans of one service. */
export interface Tracing {
  /**
   * Starts an operation outside of any other one in this process.
   *
   * @param headers of the request. Their `traceparent` (W3C Trace Context) names the parent.
   */
  startSpan(name: string, kind: SpanKind, headers?: IncomingHttpHeaders): TraceSpan;
  /** Sends the rest of the spans. Takes at most 2 s. */
  stop(): Promise<void>;
}

/**
 * Runs work in a child span.
 *
 * @param parent undefined: there is no span.
 * @param work gets the child span, as the parent of others.
 */
export function inSpan<Result>(
  parent: TraceSpan | undefined,
  name: string,
  kind: SpanKind,
  work: (span: TraceSpan | undefined) => Promise<Result>,
): Promise<Result> {
  return parent ? runIn(parent.child(name, kind), work) : work(undefined);
}

async function runIn<Result>(span: TraceSpan, work: (span: TraceSpan) => Promise<Result>): Promise<Result> {
  try {
    const result = await work(span);
    span.end();
    return result;
  } catch (error) {
    span.end(failureOf(error));
    throw error;
  }
}

/** The attributes of the span of an outgoing request (OpenTelemetry's semantic conventions for HTTP clients). */
export function clientAttributes(method: string, url: string): SpanAttributes {
  const { hostname, port, protocol, origin, pathname } = new URL(url);
  const defaultPort = protocol === 'https:' ? 443 : 80;
  return {
    'http.request.method': method,
    'server.address': hostname,
    'server.port': port === '' ? defaultPort : Number(port),
    // Without the query, which may contain secrets.
    'url.full': origin + pathname,
  };
}

/** Describes an error for a span, by its `code`, `reason`, `errorType` or name, and the message of its innermost cause. */
export function failureOf(error: unknown): SpanFailure {
  const { code, reason, errorType, name } = (error ?? {}) as Record<string, unknown>;
  const type = [code, reason, errorType, name].find((one) => typeof one === 'string' && one !== '');
  return { type: (type as string | undefined) ?? '_OTHER', message: innermostMessage(error) };
}

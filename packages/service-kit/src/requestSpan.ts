import type { Request } from 'express';
import { isKnownMethod } from './metrics';
import type { Tracing } from './traceSpan';
import { pathOf } from './truncate';

/** Starts the span of a request (OpenTelemetry's semantic conventions for HTTP servers). */
export function startRequestSpan(tracing: Tracing, request: Request): void {
  const { method, originalUrl, headers, socket } = request;
  const known = isKnownMethod(method);
  const span = tracing.startSpan(known ? method : 'HTTP', 'server', headers);
  request.span = span;
  if (!span.sampled) return;
  span.set({
    'http.request.method': known ? method : '_OTHER',
    'url.path': pathOf(originalUrl),
    'url.scheme': 'encrypted' in socket ? 'https' : 'http',
  });
}

/** @param status undefined if the client closed the connection before the answer was sent. */
export function endRequestSpan({ span, method, route }: Request, status: number | undefined): void {
  if (!span?.sampled) return;
  const { path } = (route ?? {}) as { path?: string };
  if (path !== undefined) span.rename(`${isKnownMethod(method) ? method : 'HTTP'} ${path}`);
  span.set({ 'http.route': path, 'http.response.status_code': status });
  if (status === undefined) span.end({ type: 'client_disconnected' });
  // The convention: a 4xx is the caller's error, not the server's.
  else span.end(status >= 500 ? { type: String(status) } : undefined);
}

/** The fields that connect a log line with the trace of its request. A field is undefined if there is no such id. */
export function traceIds({ span }: Pick<Request, 'span'>) {
  return { trace_id: span?.traceId, span_id: span?.spanId };
}

import { randomBytes } from 'node:crypto';
import type { Request, RequestHandler, Response } from 'express';
import { preciseTime } from 'service-kit';
import { maskText } from './mask';
import { round, type TraceStore } from './traces';

/** W3C Trace Context. Later versions may add fields. */
const traceparent = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const maxPathCharacters = 256;

/**
 * Middleware: adds a span of each request to the traces. A `traceparent` names its trace and its parent. A request whose
 * caller does not sample is left out.
 */
export function recordSpans(traces: TraceStore): RequestHandler {
  return (request, response, next) => {
    const { traceparent: header = '' } = request.headers;
    const [, traceId, parent, flags = '01'] = traceparent.exec(String(header)) ?? [];
    if ((Number.parseInt(flags, 16) & 1) === 1) {
      const start = preciseTime();
      const context = { trace_id: traceId ?? randomHex(16), parent_span_id: parent ?? null };
      const { path } = request;
      response.on('close', () => {
        traces.add([
          {
            ...context,
            span_id: randomHex(8),
            service: 'local-stytch',
            kind: 'server',
            start_milliseconds: round(start),
            duration_milliseconds: round(preciseTime() - start),
            ...describe(request, response, path),
          },
        ]);
      });
    }
    next();
  };
}

/** The semantic conventions of OpenTelemetry for HTTP servers. No header, body or query: no secret and no token. */
function describe({ method, route }: Request, response: Response, path: string) {
  const { path: pattern } = (route ?? {}) as { path?: string };
  const { code } = response.locals as { code?: unknown };
  const sent = response.writableFinished;
  const { statusCode } = response;
  const errorType = sent ? code : 'connection_closed';
  return {
    name: pattern === undefined ? method : `${method} ${pattern}`,
    attributes: {
      'http.request.method': method,
      'url.path': maskText(path).slice(0, maxPathCharacters),
      ...(pattern !== undefined && { 'http.route': pattern }),
      ...(sent && { 'http.response.status_code': statusCode }),
      ...(typeof errorType === 'string' && { 'error.type': errorType }),
    },
    status: { code: !sent || statusCode >= 500 ? ('error' as const) : ('unset' as const), message: null },
  };
}

function randomHex(bytes: number): string {
  return randomBytes(bytes).toString('hex');
}

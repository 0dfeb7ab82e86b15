import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A span as it is exported in OTLP/JSON. */
export interface ExportedSpan {
  name: string;
  kind: number;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  status: { code?: number; message?: string };
  /** Flat. */
  attributes: Record<string, unknown>;
  service: unknown;
}

export interface Collector {
  /** For `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  endpoint: string;
  spans: ExportedSpan[];
  requests: { url: string | undefined; headers: IncomingHttpHeaders; text: string }[];
  /** Replaces the answer. */
  behave: (behaviour: RequestListener) => void;
  close: () => Promise<void>;
}

/** Starts a receiver of traces on a free port of the loopback interface. */
export async function startCollector(): Promise<Collector> {
  const spans: ExportedSpan[] = [];
  const requests: Collector['requests'] = [];
  let answer: RequestListener = (_request, response) => response.end('{}');
  const server = createServer((request, response) => {
    void (async () => {
      let text = '';
      for await (const chunk of request) text += String(chunk);
      requests.push({ url: request.url, headers: request.headers, text });
      spans.push(...readSpans(JSON.parse(text)));
      answer(request, response);
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    requests,
    behave: (behaviour) => {
      answer = behaviour;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

type Attributes = { key: string; value: Record<string, unknown> }[];

interface OtlpTraces {
  resourceSpans: {
    resource: { attributes: Attributes };
    scopeSpans: { spans: (Omit<ExportedSpan, 'attributes' | 'service'> & { attributes: Attributes })[] }[];
  }[];
}

function readSpans(body: unknown): ExportedSpan[] {
  return (body as OtlpTraces).resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = flat(resource.attributes)['service.name'];
    const spans = scopeSpans.flatMap((scope) => scope.spans);
    return spans.map((span) => ({ ...span, attributes: flat(span.attributes), service }));
  });
}

function flat(attributes: Attributes): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}

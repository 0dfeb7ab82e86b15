import { randomUUID } from 'node:crypto';
import type { Request, Response } from 'express';
import { probePaths } from './health';
import type { Logger } from './logger';
import type { Metrics } from './metrics';
import { endRequestSpan, startRequestSpan, traceIds } from './requestSpan';
import type { TraceSpan, Tracing } from './traceSpan';
import { pathOf } from './truncate';

declare global {
  // eslint-disable-next-line @typescript-eslint/no-namespace -- Express's types are extended like this
  namespace Express {
    interface Request {
      /** The request id: in the log, in `X-Request-Id` and in error answers. */
      id: string;
      /** Milliseconds on the clock of `performance.now()`. */
      arrivedAt: number;
      /** Its span, if tracing is on. */
      span?: TraceSpan | undefined;
    }
  }
}

/** Request ids that are safe in a log line and in a header. */
const safeRequestId = /^[\w.:-]{1,128}$/;

/** nginx's status for a client that closed the connection before the answer was sent. */
const clientClosedRequest = 499;

/** The request as it is logged. */
export function serializeRequest({ id, method, originalUrl }: Request) {
  return { id, method, path: pathOf(originalUrl) };
}

/**
 * Creates a function that gives a request an id (the caller's `X-Request-Id`, or a new one), and logs and measures its
 * answer.
 *
 * @param tracing makes a span of it, unless it is a probe. Default: none.
 */
export function requestLogger(
  logger: Logger,
  { observe }: Pick<Metrics, 'observe'>,
  tracing?: Tracing,
): (request: Request, response: Response) => void {
  // These lines contain no secret, and searching them for secrets takes longer than writing them.
  const log = logger.child({}, { redact: [] });

  function answered(this: Response): void {
    const request = this.req as Request;
    const milliseconds = performance.now() - request.arrivedAt;
    // `writableEnded` is also true for an answer that waits behind another and is never sent.
    const sent = this.writableFinished;
    const status = sent ? this.statusCode : clientClosedRequest;
    observe(request, status, milliseconds / 1_000);
    if (probePaths.has(request.originalUrl)) return;
    endRequestSpan(request, sent ? status : undefined);
    log.info(
      {
        req: serializeRequest(request),
        res: { status },
        responseTime: Math.round(milliseconds),
        ...traceIds(request),
      },
      sent ? 'request answered' : 'request aborted by the client',
    );
  }

  return (request, response) => {
    request.arrivedAt = performance.now();
    const given = request.headers['x-request-id'];
    request.id = typeof given === 'string' && safeRequestId.test(given) ? given : randomUUID();
    response.setHeader('X-Request-Id', request.id);
    if (tracing && !probePaths.has(request.originalUrl)) startRequestSpan(tracing, request);
    response.on('close', answered);
  };
}

import { randomUUID } from 'node:crypto';
import type { Request, RequestHandler, Response } from 'express';
import { probePaths } from './health';
import type { Logger } from './logger';
import type { Metrics } from './metrics';

declare global {
  // eslint-disable-next-line @typescript-eslint/no-namespace -- the way that Express's types are extended
  namespace Express {
    interface Request {
      /** Stands in the log, in `X-Request-Id` and in the answers to errors. */
      id: string;
      /** Milliseconds on the clock of `performance.now()`. */
      arrivedAt: number;
    }
  }
}

/** What may stand in a log line and in a header of the next call: anything else is replaced. */
const acceptableRequestId = /^[\w.:-]{1,128}$/;

function requestId(given: string | string[] | undefined): string {
  return typeof given === 'string' && acceptableRequestId.test(given) ? given : randomUUID();
}

/** What counts as the status of a request whose caller did not wait for it; 499 is what nginx calls it. */
const givenUp = 499;

/** The log has no more characters of a text that a caller chose: a few requests must not fill a disk. */
const maxCharacters = 256;

/** A text that a caller chose, cut for the log. */
export function shorten(text: string): string {
  return text.length > maxCharacters ? `${text.slice(0, maxCharacters)}…` : text;
}

/** What the log says of a request: the path without the query, which may contain secrets. */
export function serializeRequest({ id, method, originalUrl }: Request) {
  const query = originalUrl.indexOf('?');
  return { id, method, path: shorten(query === -1 ? originalUrl : originalUrl.slice(0, query)) };
}

/**
 * What comes before every request, an id (`X-Request-Id`, taken over from the caller, or made), and what comes
 * after it, its measurement and one log line.
 */
export function requestLogger(logger: Logger, { observe }: Pick<Metrics, 'observe'>): RequestHandler {
  // The line is made here, of nothing secret: a search for secrets in it would cost more than the line.
  const log = logger.child({}, { redact: [] });

  function answered(this: Response): void {
    const request = this.req as Request;
    const milliseconds = performance.now() - request.arrivedAt;
    // Not `writableEnded`: an answer that is queued behind another may have been written and never sent.
    const sent = this.writableFinished;
    const status = sent ? this.statusCode : givenUp;
    observe(request, status, milliseconds / 1_000);
    // They say nothing.
    if (probePaths.has(request.originalUrl)) return;
    log.info(
      { req: serializeRequest(request), res: { status }, responseTime: Math.round(milliseconds) },
      sent ? 'request answered' : 'request given up by its caller',
    );
  }

  return (request, response, next) => {
    request.arrivedAt = performance.now();
    request.id = requestId(request.headers['x-request-id']);
    response.setHeader('X-Request-Id', request.id);
    response.on('close', answered);
    next();
  };
}

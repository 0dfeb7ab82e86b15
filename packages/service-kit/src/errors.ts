import type { ErrorRequestHandler, RequestHandler } from 'express';
import type { Logger } from './logger';
import { serializeRequest } from './requestLogger';
import { traceIds } from './requestSpan';
import { truncate } from './truncate';

interface HttpErrorOptions {
  headers?: Readonly<Record<string, string>>;
  /** More fields of the body, beside `error`, `code` and `request_id`. */
  details?: Readonly<Record<string, unknown>>;
  /** Logged, never sent. */
  cause?: unknown;
}

/** An error with its answer: status, code, headers, and a message for the caller. */
export class HttpError extends Error {
  override readonly name: string = 'HttpError';
  readonly expose = true;
  readonly headers: Readonly<Record<string, string>>;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    { headers = {}, details = {}, cause }: HttpErrorOptions = {},
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.headers = headers;
    this.details = details;
  }
}

/** 400. The body names every invalid field, as `fields: { name: what it must be }`. */
export class InvalidInputError extends HttpError {
  override readonly name = 'InvalidInputError';

  constructor(fields: Readonly<Record<string, string>>) {
    super(400, 'invalid_request', 'Invalid request', { details: { fields } });
  }
}

/** The errors of Express's body parser, by their `type`. */
const parserErrors: Readonly<Record<string, readonly [code: string, message: string]>> = {
  'entity.parse.failed': ['malformed_json', 'The body is not a JSON object, in UTF-8'],
  'entity.too.large': ['body_too_large', 'The body is larger than 100 kB'],
  'encoding.unsupported': ['unsupported_encoding', 'This Content-Encoding is not supported'],
  'charset.unsupported': ['unsupported_charset', 'This charset is not supported: send UTF-8'],
};

type Answer = Pick<HttpError, 'status' | 'code' | 'message' | 'headers'> &
  Partial<Pick<HttpError, 'details'>>;

const internalError: Answer = {
  status: 500,
  code: 'internal_error',
  message: 'Internal server error',
  headers: {},
};

/**
 * Returns the answer to an error. An error with `expose` (a convention of the http-errors package) is answered with
 * its own status. Any other error is a 500 without details.
 */
function answerTo(error: unknown): Answer {
  if (error instanceof URIError) {
    return { status: 400, code: 'malformed_path', message: 'The path is not valid', headers: {} };
  }
  const { status, code, message, expose, type, headers, details } = (error ?? {}) as Partial<HttpError> & {
    type?: string;
  };
  if (!expose || typeof status !== 'number' || status < 400 || status > 599) return internalError;
  // An error of zlib has a code and a message too, but no headers: it is not for callers.
  if (typeof code === 'string' && typeof message === 'string' && headers) {
    return { status, code, message, headers, ...(details && { details }) };
  }
  const [parserCode, parserMessage] = parserErrors[type ?? ''] ?? [
    'invalid_request',
    'The request is not valid',
  ];
  return { status, code: parserCode, message: parserMessage, headers: {} };
}

/** Answers every error with `{ error, code, request_id }`, and logs its cause. */
export function errorHandler(logger: Logger): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    const { status, code, message, headers, details } = answerTo(error);
    const about = { req: serializeRequest(request), code, ...traceIds(request) };
    // A refusal is logged without a stack, so that a flood of refusals is cheap.
    if (status >= 500) logger.error({ ...about, err: error }, 'request refused or failed');
    else logger.info({ ...about, reason: reasonOf(error, code) }, 'request refused or failed');
    if (response.headersSent) {
      next(error);
      return;
    }
    response
      .status(status)
      .set(headers)
      .json({ error: message, code, ...details, request_id: request.id });
  };
}

/** A JSON parser's message quotes the body, which may contain a secret. */
function reasonOf(error: unknown, code: string): string | undefined {
  return code === 'malformed_json' ? undefined : innermostMessage(error);
}

/** Returns the message of the innermost cause. */
export function innermostMessage(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  return error.cause instanceof Error ? innermostMessage(error.cause) : truncate(error.message);
}

/** Answers 404 to a path without a route. */
export const notFoundHandler: RequestHandler = () => {
  throw new HttpError(404, 'not_found', 'There is no such route');
};

import type { ErrorRequestHandler, RequestHandler } from 'express';
import type { Logger } from './logger';
import { serializeRequest, shorten } from './requestLogger';

interface HttpErrorOptions {
  /** Headers of the answer. */
  headers?: Readonly<Record<string, string>>;
  /** Fields that stand in the body beside `error`, `code` and `request_id`. */
  details?: Readonly<Record<string, unknown>>;
  /** What lies beneath: logged, never sent. */
  cause?: unknown;
}

/** An error that knows its own answer: status, code, a message that the caller may read. */
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

/** 400 with every field at fault named, as `fields: { name: what it should be }`. */
export class InvalidRequest extends HttpError {
  override readonly name = 'InvalidRequest';

  constructor(fields: Readonly<Record<string, string>>) {
    super(400, 'invalid_request', 'Invalid request', { details: { fields } });
  }
}

/** What Express's own body parser and router throw, by their `type`; the rest of them is a plain 400. */
const parserErrors: Readonly<Record<string, readonly [code: string, message: string]>> = {
  'entity.parse.failed': ['malformed_json', 'The body is not a JSON object, in UTF-8'],
  'entity.too.large': ['body_too_large', 'The body is larger than 100 kB'],
  'encoding.unsupported': ['unsupported_encoding', 'This Content-Encoding is not supported'],
  'charset.unsupported': ['unsupported_charset', 'This charset is not supported: send UTF-8'],
};

interface Answer {
  status: number;
  code: string;
  message: string;
  headers: Readonly<Record<string, string>>;
  details: Readonly<Record<string, unknown>>;
}

const internalError: Answer = {
  status: 500,
  code: 'internal_error',
  message: 'Internal server error',
  headers: {},
  details: {},
};

/**
 * The answer to an error. Errors that say `expose` (ours, and those that follow the convention of the
 * http-errors package, as Express's do) answer with their own status; any other is a 500 that says nothing.
 */
function answerTo(error: unknown): Answer {
  if (typeof error !== 'object' || error === null) return internalError;
  const { status, code, message, expose, type, headers, details } = error as Partial<Answer> & {
    expose?: boolean;
    type?: string;
  };
  if (error instanceof URIError) {
    return { ...internalError, status: 400, code: 'malformed_path', message: 'The path is not valid' };
  }
  if (!expose || typeof status !== 'number' || status < 400 || status > 599) return internalError;
  // Those of zlib, for a body that does not inflate, have a code too, but no headers: they are not for callers.
  if (typeof code === 'string' && typeof message === 'string' && headers) {
    return { status, code, message, headers, details: details ?? {} };
  }
  const [parserCode, parserMessage] = parserErrors[type ?? ''] ?? [
    'invalid_request',
    'The request is not valid',
  ];
  return { ...internalError, status, code: parserCode, message: parserMessage };
}

/** The one place where errors become HTTP: `{ error, code, request_id }` for the caller, the cause for the log. */
export function errorHandler(logger: Logger): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    const { status, code, message, headers, details } = answerTo(error);
    const req = serializeRequest(request);
    // A refusal is the caller's affair: one reason, no stack, so that a flood of them stays cheap.
    if (status >= 500) logger.error({ req, err: error, code }, 'request refused or failed');
    else logger.info({ req, code, reason: reasonOf(error, code) }, 'request refused or failed');
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

/** What lies beneath all. What a JSON parser says quotes the body, which may hold a secret: the code says enough. */
function reasonOf(error: unknown, code: string): string | undefined {
  if (code === 'malformed_json' || !(error instanceof Error)) return undefined;
  return error.cause instanceof Error ? reasonOf(error.cause, code) : shorten(error.message);
}

/** 404 for a path that no route takes. */
export const notFoundHandler: RequestHandler = () => {
  throw new HttpError(404, 'not_found', 'There is no such route');
};

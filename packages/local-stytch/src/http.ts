import express, {
  type ErrorRequestHandler,
  type IRouter,
  type Request,
  type RequestHandler,
  type Response,
} from 'express';
import { RequestLimit } from 'service-kit';
import { ApiError, InternalError, TransportError } from './errors';
import { isTooDeep } from './jsonDepth';
import { createId } from './secrets';

/** Sends a JSON answer with the two fields that all of Stytch's answers have. */
export function answer(response: Response, fields: object, status = 200): void {
  const body = { status_code: status, request_id: createId('request-id'), ...fields };
  // For the request log.
  response.locals.body = body;
  response.status(status).json(body);
}

/** The stream of events of the console. */
const eventsPath = '/local/events';

/** Middleware that limits how many requests are in progress, including those that hang because of a fault. */
export function limitRequests(maximum?: number): RequestHandler {
  const limit = new RequestLimit(maximum, new Set(['/local/health']));
  return (request, response, next) => {
    // They last, and have a limit of their own.
    if (request.path === eventsPath) {
      next();
      return;
    }
    if (limit.refuses(request)) {
      throw new TransportError(503, 'overloaded', { 'Retry-After': '1', Connection: 'close' });
    }
    limit.count(response);
    next();
  };
}

/** A handler that sends the result of an operation. */
export function operation<Parameters>(
  run: (request: Request<Parameters>) => object | Promise<object>,
): RequestHandler<Parameters> {
  return async (request, response) => {
    answer(response, await run(request));
  };
}

type Method = 'get' | 'post' | 'put' | 'delete';

/** Registers the methods of a path, and a 405 with `Allow` for all others (RFC 9110 §15.5.6). */
export function route<Parameters>(
  router: IRouter,
  path: string,
  methods: Partial<Record<Method, RequestHandler<Parameters>[]>>,
): void {
  const allowed = Object.keys(methods).map((method) => method.toUpperCase());
  if (methods.get) allowed.push('HEAD');
  const registered = router.route(path);
  for (const [method, handlers] of Object.entries(methods) as [Method, RequestHandler<Parameters>[]][]) {
    registered[method](...handlers);
  }
  registered.all(() => {
    throw new TransportError(405, 'methodNotAllowed', { Allow: allowed.join(', ') });
  });
}

export const routeNotFound: RequestHandler = () => {
  throw new TransportError(404, 'routeNotFound');
};

const parseJson: RequestHandler<unknown> = express.json({ limit: '100kb', type: 'application/json' });
const parseLargeJson: RequestHandler<unknown> = express.json({ limit: '4mb', type: 'application/json' });
const parseForm: RequestHandler<unknown> = express.text({
  limit: '100kb',
  type: 'application/x-www-form-urlencoded',
});

/** Parses a JSON body of at most 100 kB and `limits.jsonDepth` levels; without one, `request.body` is undefined. */
export const jsonBody = jsonBodyBy(parseJson);

/** As jsonBody, but of at most 4 MB: OpenTelemetry's exporters send 512 spans at a time. */
export const largeJsonBody = jsonBodyBy(parseLargeJson);

function jsonBodyBy(parser: RequestHandler<unknown>): RequestHandler<unknown> {
  return (request, response, next) => {
    requireType(request, ['application/json']);
    parser(request, response, (error?: unknown) => {
      next(error ?? (isTooDeep(request.body) ? new TransportError(400, 'nestedTooDeep') : undefined));
    });
  };
}

/** As jsonBody, but accepts a form too. Its `request.body` is the text: a parsed form hides repeated parameters. */
export const jsonOrFormBody: RequestHandler<unknown> = (request, response, next) => {
  requireType(request, ['application/json', 'application/x-www-form-urlencoded']);
  if (request.is('application/x-www-form-urlencoded')) parseForm(request, response, next);
  else jsonBody(request, response, next);
};

function requireType(request: Request<unknown>, types: string[]): void {
  if (request.headers['content-length'] !== '0' && request.is(types) === false) {
    throw new TransportError(415, 'unsupportedMediaType');
  }
}

/** The one place where errors become answers. An unexpected error is reported, and its answer has no details. */
export function errorHandler(reportError: (error: unknown) => void): ErrorRequestHandler {
  return (error: unknown, _request, response, next) => {
    const known = asApiError(error);
    if (!known) reportError(error);
    if (response.headersSent) {
      next(error);
      return;
    }
    const { status, headers, body } = known ?? new InternalError();
    response.set(headers);
    response.locals.code = body.error_type ?? body.error;
    answer(response, body, status);
  };
}

/** Errors of Express's router and body parsers have the fields of http-errors: a status and a type. */
function asApiError(error: unknown): ApiError | undefined {
  if (error instanceof ApiError) return error;
  if (!(error instanceof Error)) return undefined;
  const { status, type } = error as { status?: unknown; type?: unknown };
  if (status === 413) return new TransportError(413, 'bodyTooLarge');
  if (status === 415) return new TransportError(415, 'unsupportedMediaType');
  if (status !== 400) return undefined;
  return new TransportError(400, type === 'entity.parse.failed' ? 'malformedJson' : 'malformedRequest');
}

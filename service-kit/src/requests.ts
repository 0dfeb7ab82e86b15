import { randomUUID } from 'node:crypto';
import express, { type RequestHandler } from 'express';
import { pinoHttp } from 'pino-http';
import { z } from 'zod';
import { HttpError, InvalidRequest } from './errors';
import type { Logger } from './logger';

/** What may stand in a log line and in a header of the next call: anything else is replaced. */
const acceptableRequestId = /^[\w.:-]{1,128}$/;

function requestId(given: string | string[] | undefined): string {
  return typeof given === 'string' && acceptableRequestId.test(given) ? given : randomUUID();
}

const probes = new Set(['/healthz', '/readyz', '/metrics']);

/** The id of the request that a response answers. */
export function requestIdOf(response: express.Response): string {
  return String(response.getHeader('X-Request-Id'));
}

/**
 * One log line a request, and an id for it: `X-Request-Id` is taken over from the caller, or made.
 * Of the address only the path is logged, for a query may hold what a caller should not have put there.
 */
export function logRequests(logger: Logger): RequestHandler {
  return pinoHttp<express.Request, express.Response>({
    logger,
    genReqId: (request, response) => {
      const id = requestId(request.headers['x-request-id']);
      response.setHeader('X-Request-Id', id);
      return id;
    },
    // Probes come every few seconds and say nothing.
    autoLogging: { ignore: ({ url }) => probes.has(url) },
    wrapSerializers: false,
    serializers: {
      req: (request: express.Request) => ({
        id: request.id,
        method: request.method,
        path: request.originalUrl.split('?', 1)[0],
      }),
      res: (response: express.Response) => ({ status: response.statusCode }),
    },
    customSuccessMessage: (_request, response) =>
      response.writableEnded ? 'request answered' : 'request given up by its caller',
    customErrorMessage: () => 'request answered',
    customErrorObject: (_request, _response, _error, fields: object) => ({ ...fields, err: undefined }),
  });
}

const parseJson: RequestHandler = express.json({ limit: '100kb', type: 'application/json' });

/**
 * Parses a JSON body of at most 100 kB into `request.body`; a request without a body gets `undefined`.
 * It stands on the routes that have a body, behind their authorization: nobody's bytes are parsed before.
 * Malformed JSON is answered 400, a larger body 413, another content type 415.
 */
export const jsonBody: RequestHandler = (request, response, next) => {
  if (request.headers['content-length'] !== '0' && request.is('application/json') === false) {
    throw new HttpError(415, 'unsupported_media_type', 'Send the body as application/json');
  }
  parseJson(request, response, next);
};

/**
 * Turns unknown input into a typed value.
 *
 * @throws InvalidRequest that names every field at fault.
 */
export function parseInput<Schema extends z.ZodType>(schema: Schema, input: unknown): z.infer<Schema> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  // No prototype: a field may be called `constructor`, and is to be named all the same.
  const fields = Object.create(null) as Record<string, string>;
  for (const issue of result.error.issues) {
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys)
        fields[[...issue.path, key].join('.')] ??= 'is not a field of this request';
    } else {
      fields[issue.path.join('.') || 'body'] ??= issue.message;
    }
  }
  throw new InvalidRequest(fields);
}

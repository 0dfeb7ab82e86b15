import express, { type RequestHandler } from 'express';
import { z } from 'zod';
import { HttpError, InvalidRequest } from './errors';

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

import express, { type RequestHandler } from 'express';
import { z } from 'zod';
import { HttpError, InvalidInputError } from './errors';

/** `jsonBody` has checked the type: the parser would read it a second time. */
const parseJson: RequestHandler = express.json({ limit: '100kb', type: () => true });

/**
 * Parses a JSON body of at most 100 kB into `request.body`, which is `undefined` without a body. Mount it behind the
 * authorization, so that no body of an unauthorized caller is parsed. Answers 400 to malformed JSON, 413 to a larger
 * body, 415 to another content type.
 */
export const jsonBody: RequestHandler = (request, response, next) => {
  const type = request.is('application/json');
  if (type) parseJson(request, response, next);
  // `null`: there is no body.
  else if (type === null || request.headers['content-length'] === '0') next();
  else throw new HttpError(415, 'unsupported_media_type', 'Send the body as application/json');
};

/**
 * Turns unknown input into a typed value.
 *
 * @throws InvalidInputError that names every invalid field.
 */
export function parseInput<Schema extends z.ZodType>(schema: Schema, input: unknown): z.infer<Schema> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  // Without a prototype, so that a field called `constructor` is named too.
  const fields = Object.create(null) as Record<string, string>;
  for (const issue of result.error.issues) {
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys)
        fields[[...issue.path, key].join('.')] ??= 'is not a field of this request';
    } else {
      fields[issue.path.join('.') || 'body'] ??= issue.message;
    }
  }
  throw new InvalidInputError(fields);
}

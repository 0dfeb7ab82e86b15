import type { Request, RequestHandler } from 'express';
import { z } from 'zod';
import { InvalidAdminRequestError } from './errors';
import { jsonBody, operation } from './http';

/** The schema of a body that has nothing. */
export const nothing = z.strictObject({});

/** Handlers of a route that takes no body. */
export function read<Parameters = unknown>(
  run: (request: Request<Parameters>) => object | Promise<object>,
): RequestHandler<Parameters>[] {
  return [operation(run)];
}

/** Handlers of a route that takes a JSON body. */
export function write<Schema extends z.ZodType, Parameters = unknown>(
  schema: Schema,
  run: (input: z.infer<Schema>, parameters: Parameters) => object | Promise<object>,
): RequestHandler<Parameters>[] {
  return [jsonBody, operation((request) => run(parse(schema, request.body), request.params))];
}

/**
 * Turns a body into a typed value. A missing body counts as an empty object.
 *
 * @throws InvalidAdminRequestError that names every wrong field.
 */
export function parse<Schema extends z.ZodType>(schema: Schema, body: unknown): z.infer<Schema> {
  const result = schema.safeParse(body ?? {});
  if (result.success) return result.data;
  const problems = result.error.issues
    .slice(0, 20)
    .map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`);
  throw new InvalidAdminRequestError(problems.join('; '));
}

/** A parameter of the query. */
export function queryParameter({ url }: { url: string }, name: string): string | undefined {
  return new URL(url, 'http://localhost').searchParams.get(name) ?? undefined;
}

import { parseInput } from 'service-kit';
import { z } from 'zod';

/** JSON can be nested deeper than the SDK can serialize. Real metadata is not. */
const maxNesting = 20;

function isNestedAtMost(levels: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return levels > 0 && Object.values(value).every((inner) => isNestedAtMost(levels - 1, inner));
}

const text = z.string({ error: 'must be a string' });
const texts = z.array(text, { error: 'must be an array of strings' });
const object = z
  .record(z.string(), z.unknown(), { error: 'must be a JSON object' })
  .refine((value) => isNestedAtMost(maxNesting, value), {
    error: `must be nested at most ${maxNesting} deep`,
  });
const body = {
  error: (issue: { code?: string }) => (issue.code === 'invalid_type' ? 'must be a JSON object' : undefined),
};

/** Only characters that need no encoding in a path. Dots alone would lead to another path. */
const clientId = text.regex(/^(?!\.+$)[\w.~-]{1,128}$/, {
  error: 'must be the id of an M2M client: letters, digits and -._~ only',
});

/** A query parameter that may be given once or several times. */
const repeatable = z.union([texts, text.transform((value) => [value])]).optional();
/** A query parameter that may be given once. */
const once = z.string({ error: 'must be given once' }).optional();

const searchQuery = z.strictObject({
  client_name: repeatable,
  client_id: repeatable,
  scopes: repeatable,
  operator: z.enum(['AND', 'OR'], { error: 'must be AND or OR' }).optional(),
  limit: once.transform((value, context) => {
    if (value === undefined || (/^\d{1,4}$/.test(value) && Number(value) >= 1 && Number(value) <= 1000)) {
      return value === undefined ? undefined : Number(value);
    }
    context.addIssue({ code: 'custom', message: 'must be a whole number from 1 to 1000' });
    return z.NEVER;
  }),
  cursor: once,
});

/** The search of the article's demo. */
const articleSearch = {
  limit: 100,
  query: {
    operator: 'OR',
    operands: [{ filter_name: 'client_name' as const, filter_value: ['payment-service'] }],
  },
};

/**
 * Reads a search from a query string. Without parameters it is the article's search.
 *
 * @throws InvalidInputError
 */
export function readSearch(query: unknown) {
  const { client_name, client_id, scopes, operator = 'OR', limit, cursor } = parseInput(searchQuery, query);
  if (Object.keys(query as object).length === 0) return articleSearch;
  const operands = [
    ...(client_name ? [{ filter_name: 'client_name' as const, filter_value: client_name }] : []),
    ...(client_id ? [{ filter_name: 'client_id' as const, filter_value: client_id }] : []),
    ...(scopes ? [{ filter_name: 'scopes' as const, filter_value: scopes }] : []),
  ];
  return {
    ...(limit !== undefined && { limit }),
    ...(cursor !== undefined && { cursor }),
    ...(operands.length > 0 && { query: { operator, operands } }),
  };
}

const changes = {
  client_name: text.optional(),
  client_description: text.optional(),
  trusted_metadata: object.optional(),
};

const updateBody = z
  .strictObject(
    {
      ...changes,
      status: z.enum(['active', 'inactive'], { error: 'must be active or inactive' }).optional(),
      scopes: texts.optional(),
    },
    body,
  )
  .refine((fields) => Object.keys(fields).length > 0, {
    error: 'must have at least one of client_name, client_description, status, scopes, trusted_metadata',
  });

const createBody = z.strictObject(
  {
    ...changes,
    scopes: texts,
    client_id: clientId.optional(),
    client_secret: text.optional(),
  },
  body,
);

/** Absent fields, instead of fields set to undefined: the SDK's types distinguish them. */
type Given<Fields> = { [Name in keyof Fields]: Exclude<Fields[Name], undefined> };

/**
 * Reads the changes of an M2M client from a body.
 *
 * @throws InvalidInputError
 */
export function readUpdate(input: unknown) {
  return parseInput(updateBody, input) as Given<z.infer<typeof updateBody>>;
}

/**
 * Reads a new M2M client from a body.
 *
 * @throws InvalidInputError
 */
export function readCreate(input: unknown) {
  return parseInput(createBody, input) as Given<z.infer<typeof createBody>>;
}

const idInPath = z.object({ clientId });

/**
 * Reads the id of an M2M client from the path. It is safe in a path of Stytch's API.
 *
 * @throws InvalidInputError
 */
export function readClientId(parameters: unknown): string {
  return parseInput(idInPath, parameters).clientId;
}

import { z } from 'zod';
import { mintSchema } from '../mintedToken';

const token = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('client'), client_id: z.string(), scope: z.string().optional() }),
  z.strictObject({ kind: z.literal('minted'), ...mintSchema.omit({ payload: true }).shape }),
  z.strictObject({
    kind: z.literal('text'),
    text: z
      .string()
      .max(16_000)
      .regex(/^[\x20-\x7E]*$/, { error: 'must be printable ASCII' }),
  }),
]);

/** The body of `POST /local/calls`. */
export const callSchema = z.strictObject({
  service: z.string(),
  method: z.enum(['GET', 'POST', 'PUT', 'DELETE', 'PATCH']),
  path: z
    .string()
    .max(8_000)
    .regex(/^\/(?![/\\])[\x21-\x22\x24-\x5B\x5D-\x7E]*$/, {
      error: 'must begin with one slash, and be printable ASCII without spaces, # and \\',
    }),
  body: z.unknown().optional(),
  token: token.optional(),
  trace_id: z
    .string()
    .regex(/^(?!0{32})[0-9a-f]{32}$/, { error: 'must be 32 hexadecimal digits' })
    .optional(),
});

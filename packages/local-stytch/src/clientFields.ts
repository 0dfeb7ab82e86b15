import { z } from 'zod';
import { hasEnoughEntropy, isRefusal, limits, type Refusal } from './assumptions';
import { RefusedError } from './errors';

/** The message of each rule is Stytch's error type for it. */
export function refusedAs(refusal: Refusal): { error: Refusal } {
  return { error: refusal };
}

/**
 * Turns a body into a typed value. A missing body counts as an empty object.
 *
 * @throws RefusedError with the error type of the first broken rule.
 */
export function parseBody<Schema extends z.ZodObject>(schema: Schema, body: unknown): z.infer<Schema> {
  const result = schema.safeParse(body ?? {});
  if (result.success) return result.data;
  const refusal = result.error.issues[0]?.message ?? '';
  throw new RefusedError(isRefusal(refusal) ? refusal : 'invalid_request_body');
}

/** RFC 6749 appendix A: client ids and secrets consist of `VSCHAR`. */
const printable = /^[\x20-\x7E]+$/;

/** RFC 6749 §3.3: a `scope-token`. */
const scopeToken = /^[\x21\x23-\x5B\x5D-\x7E]+$/;

const scopes = z
  .array(
    z.string(refusedAs('invalid_m2m_client_scope')).regex(scopeToken, refusedAs('invalid_m2m_client_scope')),
    refusedAs('invalid_m2m_client_scope'),
  )
  .max(limits.scopes, refusedAs('too_many_m2m_client_scopes'))
  .transform((list) => [...new Set(list)]);

/** A path cannot have the segments `.` and `..`, so they are no client ids. */
const clientId = z
  .string(refusedAs('m2m_client_invalid_client_id'))
  .max(limits.clientIdCharacters, refusedAs('m2m_client_invalid_client_id'))
  .regex(printable, refusedAs('m2m_client_invalid_client_id'))
  .regex(/^(?!\.{1,2}$)/, refusedAs('m2m_client_invalid_client_id'));

const clientSecret = z
  .string(refusedAs('m2m_client_invalid_secret'))
  .max(limits.secretCharacters, refusedAs('client_secret_too_long'))
  .min(8, refusedAs('insecure_m2m_client_secret'))
  .regex(printable, refusedAs('m2m_client_invalid_secret'))
  .refine(hasEnoughEntropy, refusedAs('insecure_m2m_client_secret'));

const clientName = z
  .string(refusedAs('m2m_client_invalid_name'))
  .max(limits.clientNameCharacters, refusedAs('m2m_client_invalid_name'));

const clientDescription = z
  .string(refusedAs('m2m_client_invalid_description'))
  .max(limits.clientDescriptionCharacters, refusedAs('m2m_client_invalid_description'));

const trustedMetadata = z.record(z.string(), z.unknown(), refusedAs('metadata_invalid_format'));

/** Rules of the fields of a client. */
export const clientRules = { scopes, clientId, clientSecret, clientName, trustedMetadata };

export const createFields = z.object(
  {
    scopes,
    client_id: clientId.nullish(),
    client_secret: clientSecret.nullish(),
    client_name: clientName.nullish(),
    client_description: clientDescription.nullish(),
    trusted_metadata: trustedMetadata.nullish(),
  },
  refusedAs('invalid_request_body'),
);

export const updateFields = z.object(
  {
    client_name: clientName.nullish(),
    client_description: clientDescription.nullish(),
    status: z.enum(['active', 'inactive'], refusedAs('invalid_m2m_client_status')).nullish(),
    scopes: scopes.nullish(),
    trusted_metadata: trustedMetadata.nullish(),
  },
  refusedAs('invalid_request_body'),
);

type Metadata = Readonly<Record<string, unknown>>;

/**
 * Merges metadata as https://stytch.com/docs/api/metadata says: top-level keys only; null removes a key.
 *
 * @throws RefusedError when the result has too many keys or is too large.
 */
export function mergeMetadata(current: Metadata, change: Metadata): Metadata {
  const entries = Object.entries({ ...current, ...change }).filter(([, value]) => value !== null);
  if (entries.length > limits.metadataKeys) throw new RefusedError('metadata_too_many_keys');
  const merged = Object.fromEntries(entries);
  if (Buffer.byteLength(JSON.stringify(merged)) > limits.metadataBytes)
    throw new RefusedError('metadata_too_large');
  return merged;
}

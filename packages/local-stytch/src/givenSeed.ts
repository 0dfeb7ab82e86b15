import { z } from 'zod';
import { isRefusal, refusals } from './assumptions';
import { readClaimsTemplate, reservedClaims } from './claimsTemplate';
import { clientRules, mergeMetadata } from './clientFields';

const name = clientRules.clientName;

const claims = z
  .record(z.string(), z.unknown(), { error: 'must be an object' })
  .refine((given) => !reservedClaims.some((claim) => Object.hasOwn(given, claim)), {
    error: `must not have ${reservedClaims.join(', ')}`,
  });

/** Rules of a client that is given by an option or by a seed file. */
export const givenClientFields = {
  name,
  id: clientRules.clientId.optional(),
  secret: clientRules.clientSecret.optional(),
  scopes: clientRules.scopes,
  claims: claims.optional(),
  status: z.enum(['active', 'inactive']).optional(),
};

/** Rules of trusted metadata that is given by an option or by a seed file. */
export const givenMetadata = clientRules.trustedMetadata
  .superRefine((metadata, context) => {
    attempt(() => mergeMetadata({}, metadata), context);
  })
  .optional();

/** Rules of the project. */
export const givenProjectFields = {
  id: z
    .string()
    .regex(/^project-test-[\w-]+$/, { error: 'must begin with project-test-' })
    .optional(),
  secret: z
    .string()
    .regex(/^[\x20-\x7E]+$/, { error: 'must be printable ASCII' })
    .optional(),
  tokenLifetimeSeconds: z.int().min(1).max(86_400).optional(),
  claimsTemplate: z
    .union([z.string(), z.record(z.string(), z.unknown())])
    .transform((template, context) => attempt(() => readClaimsTemplate(template), context))
    .optional(),
};

/** Reports what `run` throws as an issue. */
export function attempt<Value>(run: () => Value, context: z.RefinementCtx): Value {
  try {
    return run();
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message });
    return z.NEVER;
  }
}

/** No two clients have the same id. */
export function refuseRepeatedIds(
  clients: readonly { id?: string | undefined }[],
  context: z.RefinementCtx,
): void {
  const ids = new Set<string>();
  for (const [index, { id }] of clients.entries()) {
    if (id === undefined) continue;
    if (ids.has(id)) {
      context.addIssue({ code: 'custom', path: [index, 'id'], message: refusals.duplicate_m2m_client_id[1] });
    }
    ids.add(id);
  }
}

/** A problem in words. The rules of clients have Stytch's error types as messages. */
export function describeIssue({ message }: { message: string }): string {
  return isRefusal(message) ? refusals[message][1] : message;
}

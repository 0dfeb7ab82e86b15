import { z } from 'zod';
import type { ClientOptions, FaultOptions, JsonObject, LocalStytchOptions, MintOptions } from './api';
import { type Fault, faultSchema } from './faults';
import {
  attempt,
  describeIssue,
  givenClientFields,
  givenMetadata,
  givenProjectFields,
  refuseRepeatedIds,
} from './givenSeed';
import { mintSchema } from './mintedToken';
import { createSeed, type GivenClient, type Seed } from './seed';
import { type Jwk, readSigningKey } from './signingKeys';

const clientSchema = z.strictObject({ ...givenClientFields, trustedMetadata: givenMetadata });

const schema = z.strictObject({
  port: z.int().min(0).max(65_535).optional(),
  projectId: givenProjectFields.id,
  projectSecret: givenProjectFields.secret,
  clients: z.array(clientSchema).min(1).superRefine(refuseRepeatedIds).optional(),
  tokenLifetimeSeconds: givenProjectFields.tokenLifetimeSeconds,
  signingKey: z
    .union([z.string(), z.custom<Jwk>((value) => typeof value === 'object' && value !== null)])
    .transform((key, context) => attempt(() => readSigningKey(key), context))
    .optional(),
  claimsTemplate: givenProjectFields.claimsTemplate,
});

/** @throws TypeError that names each wrong option. */
export function readOptions(options: LocalStytchOptions): { port: number | undefined; seed: Seed } {
  const { port, tokenLifetimeSeconds, claimsTemplate, ...given } = check(schema, options, 'options');
  const settings = { tokenLifetimeSeconds, claimsTemplate };
  return { port, seed: createSeed({ ...given, settings }) };
}

/** @throws TypeError that names each wrong option. */
export function readClientOptions(options: ClientOptions): GivenClient {
  return check(clientSchema, options, 'client');
}

/** @throws TypeError that names each wrong option. */
export function readFaultOptions(options: FaultOptions): Fault {
  const { path = '*', ...fault } = options;
  const { retryAfterSeconds, ...others } = { retryAfterSeconds: undefined, ...fault };
  return check(
    faultSchema,
    { path, ...others, ...(retryAfterSeconds !== undefined && { retry_after_seconds: retryAfterSeconds }) },
    'fault',
  );
}

/** @throws TypeError that names each wrong option. */
export function readMintOptions(claims: JsonObject | undefined, options: MintOptions = {}) {
  const { header, signWith } = options;
  return check(mintSchema, { claims, header, sign_with: signWith }, 'token');
}

function check<Schema extends z.ZodType>(schema: Schema, given: unknown, what: string): z.infer<Schema> {
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  const problems = result.error.issues.map(
    (issue) => `${[what, ...issue.path].join('.')}: ${describeIssue(issue)}`,
  );
  throw new TypeError(`local-stytch: ${problems.join('; ')}`);
}

import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { ConfigError } from 'service-kit';
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import {
  describeIssue,
  givenClientFields,
  givenMetadata,
  givenProjectFields,
  refuseRepeatedIds,
} from './givenSeed';
import type { GivenSeed } from './seed';
import { readSigningKey } from './signingKeys';

const schema = z.strictObject({
  project: z
    .strictObject({
      id: givenProjectFields.id,
      secret: givenProjectFields.secret,
      token_lifetime_seconds: givenProjectFields.tokenLifetimeSeconds,
      issuer: z.enum(['project', 'base_url']).optional(),
      search_totals: z.boolean().optional(),
      claims_template: givenProjectFields.claimsTemplate,
    })
    .optional(),
  clients: z
    .array(z.strictObject({ ...givenClientFields, trusted_metadata: givenMetadata }))
    .min(1)
    .superRefine(refuseRepeatedIds),
  /** PEM or JWK. Relative to the seed file. */
  signing_key_file: z.string().optional(),
});

/**
 * Reads a seed file, YAML or JSON.
 *
 * @throws ConfigError that lists each problem as `file:line:column: field: what is wrong`.
 */
export function readSeedFile(file: string): GivenSeed {
  const lines = new LineCounter();
  const document = parseDocument(readText(file), { lineCounter: lines, prettyErrors: false });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  if (document.errors.length > 0) {
    throw new ConfigError(document.errors.map(({ pos, message }) => `${at(pos[0])}: ${message}`).join('\n'));
  }
  const result = schema.safeParse(document.toJS());
  if (!result.success) {
    const problems = result.error.issues.map((issue) => {
      const field = issue.path.length > 0 ? `${issue.path.join('.')}: ` : '';
      return `${at(offsetOf(document, issue))}: ${field}${describeIssue(issue)}`;
    });
    throw new ConfigError(problems.join('\n'));
  }
  return toSeed(result.data, file);
}

function toSeed(
  { project = {}, clients, signing_key_file }: z.infer<typeof schema>,
  file: string,
): GivenSeed {
  return {
    projectId: project.id,
    projectSecret: project.secret,
    settings: {
      tokenLifetimeSeconds: project.token_lifetime_seconds,
      issuer: project.issuer,
      searchTotals: project.search_totals,
      claimsTemplate: project.claims_template,
    },
    clients: clients.map(({ trusted_metadata: trustedMetadata, ...client }) => ({
      ...client,
      trustedMetadata,
    })),
    signingKey:
      signing_key_file === undefined ? undefined : readKeyFile(resolve(dirname(file), signing_key_file)),
  };
}

function readKeyFile(file: string) {
  try {
    return readSigningKey(readText(file));
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(`${file}: ${(error as Error).message}`);
  }
}

/** @throws ConfigError */
export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new ConfigError(`${file}: ${code === 'ENOENT' ? 'there is no such file' : message}`);
  }
}

/** Where the value of an issue begins: an unknown key, or the nearest value around a missing one. */
function offsetOf(document: Document.Parsed, issue: z.core.$ZodIssue): number {
  const path = [...issue.path];
  let node: unknown = document.getIn(path, true);
  while (!isNode(node) && path.length > 0) {
    path.pop();
    node = document.getIn(path, true);
  }
  const [unknownKey] = issue.code === 'unrecognized_keys' ? issue.keys : [];
  if (unknownKey !== undefined && isMap(node)) {
    const pair = node.items.find(({ key }) => isScalar(key) && key.value === unknownKey);
    node = pair?.key;
  }
  return isNode(node) ? (node.range?.[0] ?? 0) : 0;
}

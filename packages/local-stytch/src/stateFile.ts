import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { access, open, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { ConfigError } from 'service-kit';
import { z } from 'zod';
import { readText } from './seedFile';
import { readSigningKey } from './signingKeys';
import type { Snapshot, StoredClient } from './state';

const bytes = (length: number) =>
  z
    .base64url()
    .transform((text) => Buffer.from(text, 'base64url'))
    .refine((buffer) => buffer.length === length, { error: `must be ${length} bytes as base64url` });

const secret = z.strictObject({ hash: bytes(32), last_four: z.string() });

const schema = z.strictObject({
  version: z.literal(1),
  project: z.strictObject({
    id: z.string().min(1),
    credentials: z.strictObject({ salt: bytes(16), hash: bytes(32) }),
    token_lifetime_seconds: z.int().min(1),
    issuer: z.enum(['project', 'base_url']),
    search_totals: z.boolean(),
    claims_template: z.record(z.string(), z.unknown()).nullable(),
  }),
  clients: z.array(
    z.strictObject({
      id: z.string().min(1),
      name: z.string(),
      description: z.string(),
      status: z.enum(['active', 'inactive']),
      scopes: z.array(z.string()),
      trusted_metadata: z.record(z.string(), z.unknown()),
      claims: z.record(z.string(), z.unknown()),
      salt: bytes(16),
      secret,
      next_secret: secret.nullable(),
    }),
  ),
  /** Private keys, so that a later run signs with them and publishes them. Newest first. */
  signing_keys: z.tuple([z.looseObject({})], z.looseObject({})),
});
type StateFile = z.input<typeof schema>;

/** @throws ConfigError when the file is not a state that `writeStateFile` wrote. */
export function readStateFile(file: string): Snapshot {
  const text = readText(file);
  try {
    return fromFile(schema.parse(JSON.parse(text)));
  } catch (error) {
    throw new ConfigError(`${file} is not a state that --export-on-exit wrote: ${reasonOf(error)}`);
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof z.ZodError)) {
    // A JSON error quotes the text, which may be a key.
    return error instanceof SyntaxError ? 'it is not valid JSON' : (error as Error).message;
  }
  return error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
}

/**
 * Writes the state: hashes in place of secrets, and the private signing keys. Only the owner can read the file (0600).
 * It is replaced at once: an interrupted write leaves the earlier file.
 *
 * @throws Error of the file system.
 */
export async function writeStateFile(file: string, snapshot: Snapshot): Promise<void> {
  const temporary = `${file}.${randomUUID()}.tmp`;
  try {
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(`${JSON.stringify(toFile(snapshot), null, 2)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** @throws ConfigError when no file can be created in the folder. */
export async function checkWritable(file: string): Promise<void> {
  const folder = dirname(resolve(file));
  await access(folder, constants.W_OK).catch((error: unknown) => {
    throw new ConfigError(`The state cannot be saved in ${folder}: ${(error as Error).message}`);
  });
}

function toFile({ projectId, projectCredentials, clients, keys, settings }: Snapshot): StateFile {
  const { salt, hash } = projectCredentials;
  return {
    version: 1,
    project: {
      id: projectId,
      credentials: { salt: salt.toString('base64url'), hash: hash.toString('base64url') },
      token_lifetime_seconds: settings.tokenLifetimeSeconds,
      issuer: settings.issuer,
      search_totals: settings.searchTotals,
      claims_template: settings.claimsTemplate ?? null,
    },
    clients: clients.map((client) => ({
      id: client.clientId,
      name: client.clientName,
      description: client.clientDescription,
      status: client.status,
      scopes: [...client.scopes],
      trusted_metadata: client.trustedMetadata,
      claims: client.claims,
      salt: client.salt.toString('base64url'),
      secret: secretToFile(client.secret),
      next_secret: client.nextSecret && secretToFile(client.nextSecret),
    })),
    signing_keys: [keyToFile(keys[0]), ...keys.slice(1).map(keyToFile)],
  };
}

function secretToFile({ hash, lastFour }: StoredClient['secret']) {
  return { hash: hash.toString('base64url'), last_four: lastFour };
}

function keyToFile({ kid, privateKey }: Snapshot['keys'][0]) {
  return { ...privateKey.export({ format: 'jwk' }), kid };
}

function fromFile({
  project,
  clients,
  signing_keys: [firstKey, ...otherKeys],
}: z.output<typeof schema>): Snapshot {
  return {
    projectId: project.id,
    projectCredentials: project.credentials,
    clients: clients.map((client, sequence) => ({
      sequence,
      clientId: client.id,
      clientName: client.name,
      clientDescription: client.description,
      status: client.status,
      scopes: client.scopes,
      trustedMetadata: client.trusted_metadata,
      claims: client.claims,
      salt: client.salt,
      secret: secretFromFile(client.secret),
      nextSecret: client.next_secret && secretFromFile(client.next_secret),
    })),
    keys: [readSigningKey(firstKey), ...otherKeys.map((key) => readSigningKey(key))],
    settings: {
      tokenLifetimeSeconds: project.token_lifetime_seconds,
      issuer: project.issuer,
      searchTotals: project.search_totals,
      claimsTemplate: project.claims_template ?? undefined,
    },
  };
}

function secretFromFile({ hash, last_four: lastFour }: z.output<typeof secret>): StoredClient['secret'] {
  return { hash, lastFour };
}

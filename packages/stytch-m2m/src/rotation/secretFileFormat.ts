import { SecretStoreError, type StoredRotation, type StoredSecrets } from '../stytch/secretStore';

/** A rotation without a start time in the file began when the file was written. */
type ParsedRotation = Omit<StoredRotation, 'startedAt'> & { startedAt?: Date };
type Parsed = Omit<StoredSecrets, 'rotation'> & { rotation?: ParsedRotation };

/** The lines below the secret, and the field that each one sets. */
const flags = { automatic: 'automatic', unattended: 'automatic', cancelling: 'cancelling' } as const;
const texts = { 'next-secret': 'nextSecret', holder: 'holder' } as const;

/**
 * Parses the file of a client secret.
 *
 * @param writtenAt when the file was written, used for times that are not in it.
 * @param place where the content is, for errors.
 * @throws SecretStoreError when the content is malformed.
 */
export function parseSecretFile(
  content: string,
  writtenAt: Date,
  place = 'The file of the client secret',
): StoredSecrets {
  const { secret, lastRotatedAt = writtenAt, rotation } = parse(content, place);
  if (!rotation) return { secret, lastRotatedAt };
  return { secret, lastRotatedAt, rotation: { ...rotation, startedAt: rotation.startedAt ?? writtenAt } };
}

function parse(content: string, place: string): Parsed {
  const [secret = '', ...lines] = content.trim().split(/\r?\n/);
  if (!/^\S+$/.test(secret)) {
    throw new SecretStoreError(`${place} has no secret: put it on the first line`);
  }
  const parsed: { -readonly [Name in keyof Parsed]: Parsed[Name] } = { secret };
  for (const line of lines) {
    const [, name = '', value = ''] = /^([a-z-]+): (\S+)$/.exec(line) ?? [];
    if (name === 'last-rotated') parsed.lastRotatedAt = readDate(value, place);
    else parsed.rotation = { ...parsed.rotation, ...readRotationLine(name, value, place) };
  }
  return parsed;
}

function readRotationLine(name: string, value: string, place: string): ParsedRotation {
  if (name === 'rotation-started') return { startedAt: readDate(value, place) };
  if (Object.hasOwn(texts, name)) return { [texts[name as keyof typeof texts]]: value };
  if (Object.hasOwn(flags, name)) return { [flags[name as keyof typeof flags]]: value === 'yes' };
  throw new SecretStoreError(`${place} has an unknown line`);
}

function readDate(value: string, place: string): Date {
  const date = new Date(value);
  if (Number.isNaN(date.getTime())) throw new SecretStoreError(`${place} has an invalid time`);
  return date;
}

/** Formats the content of the file of a client secret. */
export function formatSecretFile({ secret, lastRotatedAt, rotation }: StoredSecrets): string {
  const lines = [
    secret,
    rotation?.nextSecret !== undefined && `next-secret: ${rotation.nextSecret}`,
    rotation && `rotation-started: ${rotation.startedAt.toISOString()}`,
    rotation?.automatic && 'automatic: yes',
    rotation?.cancelling && 'cancelling: yes',
    rotation?.holder !== undefined && `holder: ${rotation.holder}`,
    lastRotatedAt && `last-rotated: ${lastRotatedAt.toISOString()}`,
  ];
  return `${lines.filter(Boolean).join('\n')}\n`;
}

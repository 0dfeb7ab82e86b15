import { randomUUID } from 'node:crypto';
import { constants, readlinkSync, unwatchFile, watchFile } from 'node:fs';
import { access, link, open, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { type SecretStore, SecretStoreError, type StoredSecrets } from './secretStore';

/** How often the file is looked at for what other processes wrote, in milliseconds. */
const watchMilliseconds = 1_000;
/** After so long a lock belongs to a process that is gone, in milliseconds: no rotation takes half of it. */
const staleLockMilliseconds = 120_000;

/**
 * Keeps the secret of an M2M client in a file, after the convention of Docker and Kubernetes secrets: its
 * first line is the secret. While a rotation is under way, and after the first, there are lines below:
 *
 *     <the secret>
 *     next-secret: <the next one>
 *     rotation-started: 2026-01-31T12:00:00.000Z
 *     unattended: yes
 *     last-rotated: 2026-01-01T12:00:00.000Z
 *
 * It is written whole or not at all (a temporary file beside it, fsync, rename), readable by its owner only.
 * Several processes may share it.
 */
export class SecretFile implements SecretStore {
  readonly persistent = true;

  constructor(readonly path: string) {}

  async read(): Promise<StoredSecrets> {
    const [content, { mtime }] = await this.#attempt('read', () =>
      Promise.all([readFile(this.path, 'utf8'), stat(this.path)]),
    );
    const stored = parse(content);
    const times = stored.nextSecret === undefined ? {} : { rotationStartedAt: mtime };
    return { ...times, lastRotatedAt: mtime, ...stored };
  }

  async write(secrets: StoredSecrets): Promise<void> {
    await this.#attempt('written', async () => {
      const path = await realpath(this.path); // Of a link, what it points at: whoever else reads that follows.
      const temporary = `${path}.tmp`;
      try {
        await rm(temporary, { force: true }); // One that a killed process left behind keeps its own mode.
        const file = await open(temporary, 'wx', 0o600);
        try {
          await file.writeFile(format(secrets));
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(temporary, path);
      } catch (error) {
        await rm(temporary, { force: true }).catch(() => undefined);
        throw error;
      }
      await syncFolder(dirname(path));
    });
  }

  async lock(): Promise<(() => Promise<void>) | undefined> {
    const holder = `${thisMachine()} ${process.pid} ${thisProcess}`;
    return this.#attempt('written', async () => {
      const path = `${await realpath(this.path)}.lock`;
      await access(this.path, constants.W_OK); // A file that is read-only on purpose is not to be replaced.
      await removeIfStale(path);
      try {
        await writeFile(path, holder, { flag: 'wx', mode: 0o600 });
      } catch (error) {
        if (errorCode(error) === 'EEXIST') return undefined;
        throw error;
      }
      return async () => {
        // It may have been taken for stale, and be another's by now. One that cannot be removed becomes stale.
        await moveAway(path, holder).catch(() => undefined);
      };
    });
  }

  watch(listener: () => void): () => void {
    // Polled: a rename, the symbolic links of a Kubernetes volume and network file systems all show that way.
    const onChange = (now: { mtimeMs: number; ino: number }, before: { mtimeMs: number; ino: number }) => {
      if (now.mtimeMs !== before.mtimeMs || now.ino !== before.ino) listener();
    };
    watchFile(this.path, { interval: watchMilliseconds, persistent: false }, onChange);
    return () => {
      unwatchFile(this.path, onChange);
    };
  }

  async #attempt<Result>(what: 'read' | 'written', work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      const why = errorCode(error) ?? 'unknown error';
      const remedy =
        what === 'written' ? ': it and its folder have to be writable, for it is replaced as a whole' : '';
      const message = `The file of the client secret cannot be ${what} (${why})${remedy}`;
      throw new SecretStoreError(message, { cause: error });
    }
  }
}

/** A rename is on the disk once the folder is; some file systems see to that themselves, and refuse to be asked. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path).catch(() => undefined);
  await folder?.sync().catch(() => undefined);
  await folder?.close();
}

/** Tells this process from an earlier one with the same number. */
const thisProcess = randomUUID();

/** Where process numbers mean what they mean here: containers can share a host's name, and not its processes. */
function thisMachine(): string {
  try {
    return `${hostname()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return `${hostname()} -`;
  }
}

/** A lock outlives its holder only if that was killed: this machine's processes can be asked, others' wait. */
async function removeIfStale(path: string): Promise<void> {
  try {
    const [content, { mtimeMs }] = await Promise.all([readFile(path, 'utf8'), stat(path)]);
    const [host, namespace, pid, holder] = content.split(' ');
    const asked = `${host} ${namespace}` === thisMachine();
    const gone = asked && (Number(pid) === process.pid ? holder !== thisProcess : !isRunning(Number(pid)));
    if (gone || Date.now() - mtimeMs > staleLockMilliseconds) await moveAway(path, content);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
  }
}

/** Removes a lock of this content. Moved aside first, so that a newer one in its place can be put back. */
async function moveAway(path: string, content: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  await rename(path, aside);
  try {
    if ((await readFile(aside, 'utf8')) !== content) await link(aside, path);
  } finally {
    await rm(aside, { force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}

function errorCode(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

const names = new Map([
  ['next-secret', 'nextSecret'],
  ['rotation-started', 'rotationStartedAt'],
  ['unattended', 'unattended'],
  ['last-rotated', 'lastRotatedAt'],
] as const);

function parse(content: string): StoredSecrets {
  const [secret = '', ...lines] = content.trim().split(/\r?\n/);
  if (!/^\S+$/.test(secret)) {
    throw new SecretStoreError('The file of the client secret has no secret: put it on the first line');
  }
  const secrets: { -readonly [Name in keyof StoredSecrets]: StoredSecrets[Name] } = { secret };
  for (const line of lines) {
    const [, name = '', value = ''] = /^([a-z-]+): (\S+)$/.exec(line) ?? [];
    const field = (names as ReadonlyMap<string, Exclude<keyof StoredSecrets, 'secret'>>).get(name);
    if (!field) throw new SecretStoreError('The file of the client secret has a line that is not known');
    if (field === 'nextSecret') secrets.nextSecret = value;
    else if (field === 'unattended') secrets.unattended = value === 'yes';
    else secrets[field] = readDate(value);
  }
  return secrets;
}

function readDate(value: string): Date {
  const date = new Date(value);
  if (Number.isNaN(date.getTime())) {
    throw new SecretStoreError('The file of the client secret has a time that is none');
  }
  return date;
}

function format({ secret, nextSecret, rotationStartedAt, unattended, lastRotatedAt }: StoredSecrets): string {
  const lines = [
    secret,
    nextSecret !== undefined && `next-secret: ${nextSecret}`,
    rotationStartedAt && `rotation-started: ${rotationStartedAt.toISOString()}`,
    unattended && 'unattended: yes',
    lastRotatedAt && `last-rotated: ${lastRotatedAt.toISOString()}`,
  ];
  return `${lines.filter(Boolean).join('\n')}\n`;
}

import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { access, open, readFile, realpath, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { withTimeout } from '../stytch/backOff';
import { FileLock } from './fileLock';
import { PollingWatchers } from './polling';
import { formatSecretFile, parseSecretFile } from './secretFileFormat';
import {
  type SecretStore,
  SecretStoreConflictError,
  SecretStoreError,
  SecretStoreReadOnlyError,
  type StoredSecrets,
  type StoredVersion,
} from '../stytch/secretStore';

/** How often the file is read, to see changes of other processes. Milliseconds. */
const watchMilliseconds = 1_000;
/** Timeouts of the file system. Milliseconds. A write may have to wait for another process. */
const readTimeoutMilliseconds = 5_000;
const writeTimeoutMilliseconds = 10_000;

export interface FileSecretStoreOptions {
  /** True when another program writes the file, such as a mounted Kubernetes Secret. Default false. */
  readOnly?: boolean;
}

/**
 * Stores the secret of an M2M client in a file whose first line is the secret, as in Docker and Kubernetes secrets.
 * During a rotation, and after the first one, more lines follow:
 *
 *     <the secret>
 *     next-secret: <the next one>
 *     rotation-started: 2026-01-31T12:00:00.000Z
 *     automatic: yes
 *     holder: <the process that works on it>
 *     last-rotated: 2026-01-01T12:00:00.000Z
 *
 * Writes are atomic (a temporary file in the same folder, fsync, rename), and only the owner can read the file.
 * Several processes may share it. A file system that hangs blocks at most one read and one write of this process.
 *
 * @example
 * import { writeFileSync } from 'node:fs';
 * import { FileSecretStore } from 'stytch-m2m';
 *
 * const { CLIENT_SECRET_FILE = 'client-secret', CLIENT_SECRET = '' } = process.env;
 * writeFileSync(CLIENT_SECRET_FILE, CLIENT_SECRET, { mode: 0o600 });
 * const store = new FileSecretStore(CLIENT_SECRET_FILE);
 *
 * store.read().then(({ secrets }) => console.log(secrets.lastRotatedAt));
 */
export class FileSecretStore implements SecretStore {
  readonly persistent = true;
  readonly readOnly: boolean;
  readonly #watchers = new PollingWatchers(() => this.read(), watchMilliseconds);
  #reading: Promise<StoredVersion> | undefined;
  #writing: Promise<StoredVersion> | undefined;

  constructor(
    readonly path: string,
    { readOnly = false }: FileSecretStoreOptions = {},
  ) {
    this.readOnly = readOnly;
  }

  async read(): Promise<StoredVersion> {
    const reading = (this.#reading ??= readStored(this.path).finally(() => {
      if (this.#reading === reading) this.#reading = undefined;
    }));
    return orSecretStoreError('read', withTimeout(reading, readTimeoutMilliseconds));
  }

  async write(secrets: StoredSecrets, version: string): Promise<string> {
    if (this.readOnly) throw new SecretStoreReadOnlyError();
    if (this.#writing) throw new SecretStoreError('The file of the client secret is still being written');
    this.#writing = replaceStored(this.path, secrets, version).finally(() => {
      this.#writing = undefined;
      this.#reading = undefined; // A read in flight may see the old content.
      this.#watchers.invalidateReads();
    });
    const stored = await orSecretStoreError('written', withTimeout(this.#writing, writeTimeoutMilliseconds));
    this.#watchers.notify(stored);
    return stored.version;
  }

  /** Polls the file each second. Unlike file events this works with Kubernetes volumes and network file systems. */
  watch(listener: (secrets: StoredSecrets) => void, onError: (error: unknown) => void): () => void {
    return this.#watchers.watch(listener, onError);
  }
}

async function readStored(path: string): Promise<StoredVersion> {
  const file = await open(path);
  try {
    const { mtime } = await file.stat();
    const content = await file.readFile('utf8');
    return { secrets: parseSecretFile(content, mtime), version: versionOf(content) };
  } finally {
    await file.close();
  }
}

function versionOf(content: string): string {
  return createHash('sha256').update(content).digest('base64');
}

async function replaceStored(link: string, secrets: StoredSecrets, version: string): Promise<StoredVersion> {
  const path = await realpath(link); // Replaces the target of a symbolic link, not the link.
  await access(path, constants.W_OK); // A rename would replace even a read-only file.
  const lock = await FileLock.acquire(`${path}.lock`);
  try {
    const current = versionOf(await readFile(path, 'utf8'));
    if (current !== version) throw new SecretStoreConflictError();
    const content = formatSecretFile(secrets);
    await replace(path, content, () => lock.isHeld());
    return { secrets, version: versionOf(content) };
  } finally {
    await lock.release().catch(() => undefined); // The write has succeeded: others remove the stale lock.
  }
}

/** Replaces a file by a rename, so that a reader sees either the old or the new content. */
async function replace(path: string, content: string, mayReplace: () => Promise<boolean>): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    await rm(temporary, { force: true }); // A killed process may have left one, with another mode.
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    if (!(await mayReplace())) throw new SecretStoreConflictError();
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
  await syncFolder(dirname(path));
}

/** A rename is durable once its folder is synced. Some file systems do not support this, and do not need it. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path).catch(() => undefined);
  await folder?.sync().catch(() => undefined);
  await folder?.close();
}

async function orSecretStoreError<Result>(what: 'read' | 'written', work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof SecretStoreError) throw error;
    const why = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    const remedy =
      what === 'written' ? ': the file and its folder must be writable, because a rename replaces it' : '';
    const message = `The file of the client secret cannot be ${what} (${why})${remedy}`;
    throw new SecretStoreError(message, { cause: error });
  }
}

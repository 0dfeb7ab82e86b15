import { randomUUID } from 'node:crypto';
import { link, open, readFile, rename, rm } from 'node:fs/promises';
import { wait } from '../stytch/backOff';
import { isRunning, thisProcess } from './processIdentity';
import { SecretStoreError } from '../stytch/secretStore';

/** How long to wait for another process. Milliseconds. A process holds a lock for a few milliseconds. */
const timeoutMilliseconds = 5_000;
const pollMilliseconds = 20;

/**
 * A lock between processes that share a file, for the short time in which one of them replaces it.
 *
 * The lock is a file that contains its holder. A holder on this machine has the lock as long as its process exists.
 * Processes of other machines cannot be checked: their lock is removed when it has not changed for the whole timeout.
 */
export class FileLock {
  readonly #holder = `${thisProcess()}/${randomUUID()}`;

  private constructor(readonly path: string) {}

  /** @throws SecretStoreError when another process holds it for 5 s. */
  static async acquire(path: string): Promise<FileLock> {
    const lock = new FileLock(path);
    const deadline = performance.now() + timeoutMilliseconds;
    const found = new Set<string>();
    while (!(await lock.#create())) {
      const holder = await readFile(path, 'utf8').catch(ifCode('ENOENT', undefined));
      if (holder === undefined) continue;
      found.add(holder);
      const running = isRunning(holder);
      const timedOut = performance.now() >= deadline;
      if (running === false || (timedOut && running === undefined && found.size === 1)) {
        await removeLock(path, holder);
      } else if (timedOut) {
        throw new SecretStoreError('Another process is writing the file of the client secret: try again');
      } else {
        await wait(pollMilliseconds);
      }
    }
    return lock;
  }

  /** Whether it is still held. Another process may have removed it as stale. */
  async isHeld(): Promise<boolean> {
    return (await readFile(this.path, 'utf8').catch(ifCode('ENOENT', undefined))) === this.#holder;
  }

  /** Releases it in one step: a killed process leaves either its lock, which others remove, or nothing. */
  async release(): Promise<void> {
    if (await this.isHeld()) await rm(this.path, { force: true });
  }

  async #create(): Promise<boolean> {
    const file = await open(this.path, 'wx', 0o600).catch(ifCode('EEXIST', undefined));
    if (!file) return false;
    try {
      await file.writeFile(this.#holder);
      return true;
    } catch (error) {
      // On a full disk an empty lock would make others wait.
      await rm(this.path, { force: true });
      throw error;
    } finally {
      await file.close();
    }
  }
}

/** Removes a stale lock. It is renamed first, so that a newer lock in its place can be put back. */
async function removeLock(path: string, content: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  const moved = await rename(path, aside).then(() => true, ifCode('ENOENT', false));
  if (!moved) return;
  try {
    // If there is another lock by now, the holder of this one notices that it has lost it.
    if ((await readFile(aside, 'utf8')) !== content)
      await link(aside, path).catch(ifCode('EEXIST', undefined));
  } finally {
    await rm(aside, { force: true });
  }
}

function ifCode<Value>(code: string, value: Value): (error: unknown) => Value {
  return (error) => {
    if ((error as NodeJS.ErrnoException).code === code) return value;
    throw error;
  };
}

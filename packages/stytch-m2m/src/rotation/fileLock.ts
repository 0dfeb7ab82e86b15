import { randomUUID } from 'node:crypto';
import { link, open, readFile, rename, rm } from 'node:fs/promises';
import { wait } from '../stytch/backOff';
import { isRunning, thisProcess } from './processIdentity';
import { SecretStoreError } from '../stytch/secretStore';

/** How long another process is waited for. Milliseconds; it holds a lock for a few. */
const timeoutMilliseconds = 5_000;
const pollMilliseconds = 20;

/**
 * A lock between processes that share a file, for the moment in which one of them replaces it.
 *
 * It is a file that names its holder. A holder on this machine keeps it for as long as its process exists; that of
 * another machine, which cannot be asked, loses it when the lock has not changed for the whole timeout.
 */
export class FileLock {
  readonly #holder = `${thisProcess()}/${randomUUID()}`;

  private constructor(readonly path: string) {}

  /** @throws SecretStoreError when another process does not give it back within 5 s. */
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

  /** Whether it is still held: another process may have taken it for that of one that is gone. */
  async isHeld(): Promise<boolean> {
    return (await readFile(this.path, 'utf8').catch(ifCode('ENOENT', undefined))) === this.#holder;
  }

  /** One step, so that a process that is killed leaves the lock, which others take over, or nothing. */
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
      // The disk is full: an empty lock would keep others waiting.
      await rm(this.path, { force: true });
      throw error;
    } finally {
      await file.close();
    }
  }
}

/** Removes the lock of a holder that is gone. It is moved aside first, so that a newer one in its place can be put back. */
async function removeLock(path: string, content: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  const moved = await rename(path, aside).then(() => true, ifCode('ENOENT', false));
  if (!moved) return;
  try {
    // If there is yet another one by now, the holder of this one notices that it has lost it.
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

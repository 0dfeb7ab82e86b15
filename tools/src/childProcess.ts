import type { ChildProcess } from 'node:child_process';

/** How a process ended: its exit code, or the signal that ended it. */
export type End = number | NodeJS.Signals;

/** What a server announces over its message channel once it listens. */
export interface Announcement {
  /** Where it listens. */
  readonly url: string;
  /** Where it serves health and metrics over plain HTTP, if it has a port for them. */
  readonly healthUrl?: string;
  /** The variables that point a service at local-stytch. Empty for every other program. */
  readonly seed: Readonly<Record<string, string>>;
}

type Message = Partial<Omit<Announcement, 'url'>> & { listening?: string };

/** Waits until a process has ended and all its output has been read. */
export function endOf(child: ChildProcess): Promise<End> {
  return new Promise((resolve) => {
    child.once('close', (code, signal) => {
      resolve(signal ?? code ?? 1);
    });
  });
}

/**
 * Waits until a server announces that it listens.
 *
 * @param name local-stytch announces its seed as well.
 * @param ended of this process.
 * @throws Error when the process ends before that.
 */
export function announcementOf(
  child: ChildProcess,
  name: string,
  ended: Promise<End>,
): Promise<Announcement> {
  return new Promise((resolve, reject) => {
    let listening: Omit<Announcement, 'seed'> | undefined;
    let seed: Announcement['seed'] | undefined = name === 'local-stytch' ? undefined : {};
    child.on('message', (message: Message) => {
      const { listening: url, healthUrl } = message;
      if (url !== undefined) listening ??= { url, ...(healthUrl !== undefined && { healthUrl }) };
      seed ??= message.seed;
      if (listening && seed) resolve({ ...listening, seed });
    });
    void ended.then((end) => {
      reject(new Error(`${name} ended (${end}) before it listened`));
    });
  });
}

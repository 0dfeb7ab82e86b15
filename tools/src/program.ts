import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Announcement, announcementOf, type End, endOf } from './childProcess';

/** The root folder of the repository. */
export const root = join(__dirname, '..', '..');

export type ProgramName = 'local-stytch' | 'wallet-server' | 'payment-server';

export interface ProgramOptions {
  name: ProgramName;
  /** The environment of the process. The program itself reads the `.env` files. */
  environment: NodeJS.ProcessEnv;
  /** Is called with every line of standard output and standard error. */
  onLine?: (name: ProgramName, line: string) => void;
  /** Whether to run the TypeScript sources and restart on change. Default false: run the built program. */
  watch?: boolean;
  /** Aborting it stops a program that is starting. */
  signal?: AbortSignal | undefined;
}

/** A running program, in its own process. */
export interface Program extends Announcement {
  readonly name: ProgramName;
  readonly process: ChildProcess;
  /** Is fulfilled when the process has ended. */
  readonly ended: Promise<End>;
  /** Asks it to stop, and waits for its end. */
  stop(): Promise<void>;
}

/** The arguments for Node to run a built program. */
export function builtProgram(name: ProgramName): string[] {
  return ['--enable-source-maps', join(folderOf(name), 'dist', 'server.js')];
}

function folderOf(name: ProgramName): string {
  return name === 'local-stytch' ? join(root, 'packages', name) : join(root, name);
}

/**
 * Starts a program and waits until it listens.
 *
 * @throws Error when it ends before that. Its output says why.
 */
export async function startProgram({
  name,
  environment,
  onLine,
  watch = false,
  signal,
}: ProgramOptions): Promise<Program> {
  signal?.throwIfAborted();
  const folder = folderOf(name);
  const script = watch
    ? [join(root, 'tools', 'dist', 'watch.js'), join(folder, 'src', 'server.ts')]
    : builtProgram(name);
  // Detached, so that Ctrl-C in the terminal reaches only the launcher, which then stops each program in turn.
  const child = spawn(process.execPath, script, {
    cwd: folder,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    detached: true,
  });
  for (const input of [child.stdout, child.stderr]) {
    if (input) createInterface({ input }).on('line', (line) => onLine?.(name, line));
  }
  const ended = endOf(child);
  const stopStart = () => child.kill('SIGTERM');
  signal?.addEventListener('abort', stopStart);
  const announcement = await announcementOf(child, name, ended).finally(() => {
    signal?.removeEventListener('abort', stopStart);
  });
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
  };
  return { name, process: child, ...announcement, ended, stop };
}

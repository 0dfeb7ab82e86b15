import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Announcement, announcementOf, type End, endOf } from './childProcess';

/** The root of the project. */
export const root = join(__dirname, '..', '..');

export type ProgramName = 'local-stytch' | 'wallet-server' | 'payment-server';

export interface ProgramOptions {
  name: ProgramName;
  /** The whole environment of the process; the `.env` files are read by the program itself. */
  environment: NodeJS.ProcessEnv;
  /** Gets every line that the program writes, to standard output or error. */
  onLine?: (name: ProgramName, line: string) => void;
  /** Runs the TypeScript sources and restarts on change, instead of what was built. Default false. */
  watch?: boolean;
  /** Its abort stops a program that is starting. */
  signal?: AbortSignal | undefined;
}

/** A running program, as a process of its own. */
export interface Program extends Announcement {
  readonly name: ProgramName;
  readonly process: ChildProcess;
  /** Is fulfilled when the process has ended. */
  readonly ended: Promise<End>;
  /** Asks it to stop, and waits until it has. */
  stop(): Promise<void>;
}

/** What Node is called with to run a program as it was built. */
export function builtProgram(name: ProgramName): string[] {
  return ['--enable-source-maps', join(folderOf(name), 'dist', 'server.js')];
}

function folderOf(name: ProgramName): string {
  return name === 'local-stytch' ? join(root, 'packages', name) : join(root, name);
}

/**
 * Starts a program and waits until it listens.
 *
 * @throws Error when it ends before that; what it wrote by then says why.
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
  // Detached: Ctrl-C in the terminal reaches only the launcher, which then stops each program in turn.
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

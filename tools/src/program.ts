import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

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
export interface Program {
  readonly name: ProgramName;
  readonly process: ChildProcess;
  /** Where it listens. */
  readonly url: string;
  /** Where its health and metrics are served over plain HTTP, if it has such a port. */
  readonly healthUrl?: string;
  /** What local-stytch tells: the variables that point a service at it. */
  readonly seed: Readonly<Record<string, string>>;
  /** Settles when the process has ended: with its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
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
  const ended = new Promise<number | NodeJS.Signals>((resolve) => {
    child.once('close', (code, signal) => {
      resolve(signal ?? code ?? 1);
    });
  });
  const stopStart = () => child.kill('SIGTERM');
  signal?.addEventListener('abort', stopStart);
  const announced = await announcement(name, child, ended).finally(() => {
    signal?.removeEventListener('abort', stopStart);
  });
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
  };
  return { name, process: child, ...announced, ended, stop };
}

/** What a program says over its message channel once it listens; local-stytch also hands out its seed. */
function announcement(name: ProgramName, child: ChildProcess, ended: Program['ended']) {
  return new Promise<Pick<Program, 'url' | 'healthUrl' | 'seed'>>((resolve, reject) => {
    let listening: Pick<Program, 'url' | 'healthUrl'> | undefined;
    let seed: Program['seed'] | undefined = name === 'local-stytch' ? undefined : {};
    child.on('message', (message: { listening?: string; healthUrl?: string; seed?: Program['seed'] }) => {
      const { listening: url, healthUrl } = message;
      if (url !== undefined) listening ??= { url, ...(healthUrl !== undefined && { healthUrl }) };
      seed ??= message.seed;
      if (listening && seed) resolve({ ...listening, seed });
    });
    void ended.then((how) => {
      reject(new Error(`${name} ended (${how}) before it listened`));
    });
  });
}

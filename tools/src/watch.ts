import 'service-kit/earlySignals';
import { type ChildProcess, fork } from 'node:child_process';
import { readdirSync, watch } from 'node:fs';
import { join } from 'node:path';
import { onStop } from 'service-kit';
import { root } from './program';

/** Editors write a file in several steps: changes within this time cause one restart. Milliseconds. */
const debounceMilliseconds = 150;

/**
 * Runs a TypeScript program and restarts it when a source file of a workspace changes. It watches folders instead of
 * files, because many editors save a file by replacing it.
 *
 * @param script the program. ts-node runs it without a type check.
 */
export function runAndWatch(script: string): void {
  let child: ChildProcess | undefined;
  let stopping = false;
  const start = () => {
    const started = fork(script, {
      execArgv: ['-C', 'workspace-source', '-r', 'ts-node/register', '--enable-source-maps'],
    });
    started.on('message', (message) => process.send?.(message));
    child = started;
  };
  const stopped = (running: ChildProcess) =>
    new Promise<void>((resolve) => {
      if (running.exitCode !== null || running.signalCode !== null) resolve();
      running.once('exit', () => {
        resolve();
      });
      running.kill('SIGTERM');
    });
  let timer: NodeJS.Timeout | undefined;
  let restarting = false;
  const restart = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (!child || stopping || restarting) return;
      restarting = true;
      void stopped(child).then(() => {
        restarting = false;
        if (!stopping) start();
      });
    }, debounceMilliseconds);
  };
  for (const folder of sourceFolders()) watch(folder, restart);
  onStop('server', async () => {
    stopping = true;
    if (child) await stopped(child);
  });
  start();
}

/** The `src` folders of the workspaces, with their subfolders. */
function sourceFolders(): string[] {
  const workspaces = ['packages/service-kit', 'packages/stytch-m2m', 'wallet-server', 'payment-server'];
  return workspaces.flatMap((workspace) => {
    const source = join(root, workspace, 'src');
    const below = readdirSync(source, { recursive: true, withFileTypes: true });
    return [
      source,
      ...below.filter((entry) => entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name)),
    ];
  });
}

if (require.main === module) runAndWatch(process.argv[2] ?? '');

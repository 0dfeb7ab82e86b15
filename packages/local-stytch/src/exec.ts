import { spawn } from 'node:child_process';
import { constants } from 'node:os';

const forwarded = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;

/**
 * Runs a command to its end. Signals to this process are passed on to it.
 *
 * Without a terminal the command leads a process group of its own, and the whole group gets the signals: npm does not
 * pass them on to what it runs. In a terminal it stays in the group that reads the keyboard.
 *
 * @returns its exit code; 128 and the signal's number when a signal ended it; 127 when there is no such command, and
 *   126 when it cannot be run.
 */
export function runCommand(
  [program, ...args]: readonly [string, ...string[]],
  environment: NodeJS.ProcessEnv,
): Promise<number> {
  const inTerminal = process.stdin.isTTY;
  const child = spawn(program, args, { stdio: 'inherit', env: environment, detached: !inTerminal });
  const send = (signal: NodeJS.Signals) => {
    if (child.pid === undefined) return;
    if (!inTerminal) sendToGroup(child.pid, signal);
    // Ctrl-C in a terminal reaches the command without our help.
    else if (signal !== 'SIGINT' && signal !== 'SIGQUIT') child.kill(signal);
  };
  for (const signal of forwarded) process.on(signal, send);
  return new Promise<number>((resolve) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      const missing = error.code === 'ENOENT';
      const reason = missing ? 'there is no such command' : error.message;
      process.stderr.write(`local-stytch: ${program}: ${reason}\n`);
      resolve(missing ? 127 : 126);
    });
    child.once('exit', (code, signal) => {
      resolve(signal === null ? (code ?? 1) : 128 + constants.signals[signal]);
    });
  }).finally(() => {
    for (const signal of forwarded) process.off(signal, send);
  });
}

function sendToGroup(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal);
  } catch {
    // The group has ended.
  }
}

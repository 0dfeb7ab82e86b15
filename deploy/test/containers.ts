import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Image } from './images';

/** As whom containers run, where the one who runs the tests may choose: a user to whom no file belongs. */
export const stranger = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};

export interface Container {
  /** What it wrote so far. */
  readonly output: () => string;
  /** Settles when it has ended: with its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** Asks it to stop, as `docker stop` does, and waits until it has. */
  stop(): Promise<number | NodeJS.Signals>;
}

/**
 * Runs a command of an image, by default its CMD: as a user to whom nothing in it belongs, with the environment
 * of the image and nothing of this one, but on loopback.
 */
export function runContainer(
  image: Image,
  environment: Readonly<Record<string, string>> = {},
  [program = '', ...parameters]: readonly string[] = image.command,
): Container {
  const child = spawn(program, parameters, {
    ...stranger,
    cwd: join(image.root, image.workingDirectory),
    env: { PATH: process.env['PATH'], ...image.environment, HOST: '127.0.0.1', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece) => (output += String(piece)));
  const ended = once(child, 'close').then(([code, signal]) => (signal ?? code) as number | NodeJS.Signals);
  return {
    output: () => output,
    ended,
    stop: () => {
      child.kill(image.stopSignal as NodeJS.Signals);
      return ended;
    },
  };
}

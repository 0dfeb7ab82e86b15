import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { type End, endOf } from '../../tools/src/childProcess';
import type { Image } from './images';

/** The user that containers run as: one that owns no file, if the tests run as root and may choose. */
export const stranger = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};

export interface Container {
  /** Its output so far. */
  readonly output: () => string;
  /** Is fulfilled when it has ended. */
  readonly ended: Promise<End>;
  /** Asks it to stop, as `docker stop` does, and waits for its end. */
  stop(): Promise<End>;
}

/**
 * Runs a command of an image, by default its CMD. It runs as a user that owns nothing in the image, listens on
 * loopback, and has the environment of the image without that of the test.
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
  const ended = endOf(child);
  return {
    output: () => output,
    ended,
    stop: () => {
      child.kill(image.stopSignal as NodeJS.Signals);
      return ended;
    },
  };
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** Runs a file with Node. @returns its exit code and what it wrote. */
export async function runFile(file, env) {
  const child = spawn(process.execPath, [file], { env: { ...process.env, ...env } });
  let output = '';
  child.stdout.on('data', (piece) => (output += piece));
  child.stderr.on('data', (piece) => (output += piece));
  const [code] = await once(child, 'close');
  return { code, output };
}

/** Starts a server in a file, and runs `use` with its URL. */
export async function withServer(file, env, use) {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(process.execPath, [file], {
    env: { ...process.env, ...env, PORT: String(port) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (piece) => (output += piece));
  child.stderr.on('data', (piece) => (output += piece));
  const ended = once(child, 'close');
  try {
    const deadline = performance.now() + 30_000;
    while (
      !(await fetch(url).then(
        () => true,
        () => false,
      ))
    ) {
      if (child.exitCode !== null || performance.now() > deadline) throw new Error(`${file}: ${output}`);
      await wait(20);
    }
    return await use(url);
  } finally {
    child.kill();
    await ended;
  }
}

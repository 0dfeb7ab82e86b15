import { type ChildProcess, execFileSync, spawn, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { builtProgram, root } from '../../tools/src/program';
import { call, until } from '../helpers/calls';
import { serverEnvironment } from '../helpers/environment';

interface Wallet {
  process: ChildProcess;
  url: string;
  ended: Promise<unknown>;
}

const wallets: Wallet[] = [];
const folder = mkdtempSync(join(tmpdir(), 'log-reader-'));
const agent = new Agent({ keepAlive: true, maxSockets: 20 });

afterAll(() => {
  agent.destroy();
  for (const wallet of wallets) wallet.process.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

async function startWallet(standardOutput: 'pipe' | number): Promise<Wallet> {
  const stdio: StdioOptions = ['ignore', standardOutput, 'ignore', 'ipc'];
  const child = spawn(process.execPath, builtProgram('wallet-server'), {
    cwd: root,
    env: serverEnvironment(),
    stdio,
  });
  const ended = once(child, 'exit').then(([code, signal]: unknown[]) => signal ?? code);
  const [{ listening }] = (await once(child, 'message')) as [{ listening: string }];
  const wallet = { process: child, url: listening, ended };
  wallets.push(wallet);
  return wallet;
}

/** A path so long that the log cuts it, and what the log has of it. */
const longPath = `/${'x'.repeat(300)}`;
const loggedPath = `"path":"/${'x'.repeat(255)}…"`;

/** Makes requests that log two lines each. Returns the number of answers. */
async function makeRequests({ url }: Wallet, count: number, path = longPath): Promise<number> {
  const answers = Array.from({ length: count }, async () => {
    const sent = request(`${url}${path}`, { agent }).end();
    const [response] = (await once(sent, 'response')) as [NodeJS.ReadableStream & { statusCode: number }];
    response.resume();
    await once(response, 'end');
    return response.statusCode;
  });
  return (await Promise.all(answers)).filter((status) => status === 404).length;
}

/** More than the buffer of a socket or pipe and the lines that may wait hold together. */
const manyRequests = 1_600;

async function droppedLines({ url }: Wallet): Promise<number> {
  const { text } = await call(`${url}/metrics`);
  return Number(/^log_lines_dropped_total (\d+)$/m.exec(text)?.[1]);
}

/** The reading end of a named pipe. It reads only when it is told to. */
class Reader {
  readonly #fd: number;
  text = '';

  constructor(path: string) {
    this.#fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  }

  read(): string {
    const buffer = Buffer.alloc(65_536);
    try {
      for (let bytes = 1; bytes > 0;) {
        bytes = readSync(this.#fd, buffer);
        this.text += buffer.toString('utf8', 0, bytes);
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
    return this.text;
  }

  close(): void {
    closeSync(this.#fd);
  }
}

test('When the reader of the log stalls, leaves or comes back, then requests are answered, lines are whole, and the stop works', async () => {
  const path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  const reader = new Reader(path);
  const writingEnd = openSync(path, 'w');
  const wallet = await startWallet(writingEnd);
  closeSync(writingEnd);
  await until('a line is read', () => reader.read().includes('"msg":"listening"'));
  expect(await droppedLines(wallet)).toBe(0);

  // It stalls.
  expect(await makeRequests(wallet, manyRequests)).toBe(manyRequests);
  const whileStalled = await droppedLines(wallet);
  expect(whileStalled).toBeGreaterThan(0);

  // It reads again.
  await until('the lines that waited are read, and a new one', async () => {
    await makeRequests(wallet, 1, '/new');
    return reader.read().includes('"path":"/new"') && reader.text.endsWith('\n');
  });
  const lines = reader.text.trimEnd().split('\n');
  expect(() => lines.map((line) => JSON.parse(line) as unknown)).not.toThrow();
  expect(lines.length).toBeGreaterThan(1_000);
  expect(lines[1_000]).toContain(loggedPath);

  // It leaves.
  reader.close();
  expect(await makeRequests(wallet, 10)).toBe(10);
  await until('more lines are dropped', async () => (await droppedLines(wallet)) > whileStalled);

  // Another comes.
  const another = new Reader(path);
  await until('the other reads a line', async () => {
    await makeRequests(wallet, 1);
    return another.read().includes(loggedPath);
  });
  another.close();
  wallet.process.kill('SIGTERM');
  expect(await wallet.ended).toBe(0);
});

test('When the disk of the log is full, then requests are answered, the lines are counted, and the stop works', async () => {
  const full = openSync('/dev/full', 'w');
  const wallet = await startWallet(full);
  closeSync(full);

  expect(await makeRequests(wallet, 10)).toBe(10);
  await until('the lines are counted', async () => (await droppedLines(wallet)) >= 20);

  wallet.process.kill('SIGTERM');
  expect(await wallet.ended).toBe(0);
});

test('When nobody reads the socket of the log, then requests are answered, and the stop works', async () => {
  const wallet = await startWallet('pipe');

  expect(await makeRequests(wallet, manyRequests)).toBe(manyRequests);
  expect(await droppedLines(wallet)).toBeGreaterThan(0);

  wallet.process.kill('SIGTERM');
  expect(await wallet.ended).toBe(0);
});

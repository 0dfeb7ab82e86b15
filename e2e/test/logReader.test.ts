import { type ChildProcess, execFileSync, spawn, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { announcementOf, type End } from '../../tools/src/childProcess';
import { builtProgram, root } from '../../tools/src/program';
import { call, until } from '../helpers/calls';
import { serverEnvironment } from '../helpers/environment';

interface Wallet {
  process: ChildProcess;
  url: string;
  ended: Promise<End>;
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
  // Not `close`: it waits until standard output is read to its end.
  const ended = once(child, 'exit').then(([code, signal]) => (signal ?? code) as End);
  const { url } = await announcementOf(child, 'wallet-server', ended);
  const wallet = { process: child, url, ended };
  wallets.push(wallet);
  return wallet;
}

/** A path that is too long for the log, and its beginning, which is logged. */
const longPath = `/${'x'.repeat(300)}`;
const loggedPath = `"path":"/${'x'.repeat(255)}…"`;

/** Makes requests that log two lines each. Returns the number of 404 answers. */
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

/** Enough to fill the buffer of a socket or pipe and the queue of lines. */
const manyRequests = 1_600;

async function droppedLines({ url }: Wallet): Promise<number> {
  const { text } = await call(`${url}/metrics`);
  return Number(/^log_lines_dropped_total (\d+)$/m.exec(text)?.[1]);
}

/** The reading end of a named pipe. It reads only when `read` is called. */
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

test('When the reader of the log stalls, exits or is replaced, then requests are answered, lines are whole, and the server stops', async () => {
  const path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  const reader = new Reader(path);
  const writingEnd = openSync(path, 'w');
  const wallet = await startWallet(writingEnd);
  closeSync(writingEnd);
  await until('a line is read', () => reader.read().includes('"msg":"listening"'));
  expect(await droppedLines(wallet)).toBe(0);

  // The reader stalls.
  expect(await makeRequests(wallet, manyRequests)).toBe(manyRequests);
  const whileStalled = await droppedLines(wallet);
  expect(whileStalled).toBeGreaterThan(0);

  // The reader continues.
  await until('the queued lines are read, and a new one', async () => {
    await makeRequests(wallet, 1, '/new');
    return reader.read().includes('"path":"/new"') && reader.text.endsWith('\n');
  });
  const lines = reader.text.trimEnd().split('\n');
  expect(() => lines.map((line) => JSON.parse(line) as unknown)).not.toThrow();
  expect(lines.length).toBeGreaterThan(1_000);
  expect(lines[1_000]).toContain(loggedPath);

  // The reader exits.
  reader.close();
  expect(await makeRequests(wallet, 10)).toBe(10);
  await until('more lines are dropped', async () => (await droppedLines(wallet)) > whileStalled);

  // Another reader starts.
  const another = new Reader(path);
  await until('the other reader reads a line', async () => {
    await makeRequests(wallet, 1);
    return another.read().includes(loggedPath);
  });
  another.close();
  wallet.process.kill('SIGTERM');
  expect(await wallet.ended).toBe(0);
});

test('When the disk of the log is full, then requests are answered, dropped lines are counted, and the server stops', async () => {
  const full = openSync('/dev/full', 'w');
  const wallet = await startWallet(full);
  closeSync(full);

  expect(await makeRequests(wallet, 10)).toBe(10);
  await until('the dropped lines are counted', async () => (await droppedLines(wallet)) >= 20);

  wallet.process.kill('SIGTERM');
  expect(await wallet.ended).toBe(0);
});

test('When nobody reads the socket of the log, then requests are answered, and the server stops', async () => {
  const wallet = await startWallet('pipe');

  expect(await makeRequests(wallet, manyRequests)).toBe(manyRequests);
  expect(await droppedLines(wallet)).toBeGreaterThan(0);

  wallet.process.kill('SIGTERM');
  expect(await wallet.ended).toBe(0);
});

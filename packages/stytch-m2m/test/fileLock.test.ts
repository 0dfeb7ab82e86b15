import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SecretStoreError } from '../src';
import { FileLock } from '../src/rotation/fileLock';
import { thisProcess } from '../src/rotation/processIdentity';

let folder: string;
let path: string;
const children: ChildProcess[] = [];

beforeEach(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), 'file-lock-'));
  path = join(folder, 'lock');
});
afterEach(async () => {
  jest.restoreAllMocks();
  jest.useRealTimers();
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await fs.rm(folder, { recursive: true });
});

const [host = '', namespace = ''] = thisProcess().split('/');

/** A process of this machine: one that runs, or one that did. */
async function processOf(runs: boolean): Promise<string> {
  const child = spawn(process.execPath, ['-e', runs ? 'setInterval(() => {}, 1e6)' : '']);
  children.push(child);
  if (!runs) await once(child, 'exit');
  return `${host}/${namespace}/${child.pid}/uuid/lock`;
}

/** What becomes of an attempt, and when: the clock goes on only while it waits. */
async function attempt(): Promise<{ lock: FileLock | undefined; milliseconds: number; error: unknown }> {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
  const start = performance.now();
  let outcome: { lock: FileLock | undefined; error: unknown } | undefined;
  FileLock.acquire(path).then(
    (lock) => (outcome = { lock, error: undefined }),
    (error: unknown) => (outcome = { lock: undefined, error }),
  );
  while (!outcome) {
    await new Promise(setImmediate);
    await jest.advanceTimersByTimeAsync(jest.getTimerCount() > 0 ? 20 : 0);
  }
  return { ...outcome, milliseconds: performance.now() - start };
}

test('When it is free, then one gets it, and the next when it is given back', async () => {
  const first = await FileLock.acquire(path);
  const second = FileLock.acquire(path);
  const content = await fs.readFile(path, 'utf8');
  const mode = (await fs.stat(path)).mode & 0o777;

  await first.release();
  await (await second).release();

  expect([content.startsWith(thisProcess()), mode]).toEqual([true, 0o600]);
  expect(await fs.readdir(folder)).toEqual([]);
});

test('When many want it at once, then each has it alone', async () => {
  let holders = 0;
  const most: number[] = [];
  await Promise.all(
    Array.from({ length: 10 }, async () => {
      const lock = await FileLock.acquire(path);
      most.push((holders += 1));
      await new Promise(setImmediate);
      holders -= 1;
      await lock.release();
    }),
  );

  expect(most).toEqual(new Array(10).fill(1));
});

test('When its holder is a process of this machine that is gone, then it is free at once', async () => {
  await fs.writeFile(path, await processOf(false));

  expect((await attempt()).milliseconds).toBeLessThan(20);
});

test('When its holder had the number of this process, and is gone therefore, then it is free at once', async () => {
  await fs.writeFile(path, `${host}/${namespace}/${process.pid}/another/lock`);

  expect((await attempt()).milliseconds).toBeLessThan(20);
});

test('When its holder is a process of this machine that exists, then it is never taken away', async () => {
  await fs.writeFile(path, await processOf(true));

  const { error } = await attempt();

  expect(error).toBeInstanceOf(SecretStoreError);
  expect((error as Error).message).toBe(
    'Another process is writing the file of the client secret: try again',
  );
});

test.each([
  ['of another machine', `elsewhere/pid:[1]/${process.pid}/another/lock`],
  ['of a container that calls itself the same', `${host}/pid:[1]/${process.pid}/another/lock`],
  ['nobody, for it was killed at once', ''],
])('When its holder is %s, then it is free after five seconds without a change', async (_whose, holder) => {
  await fs.writeFile(path, holder);

  const { lock, milliseconds } = await attempt();

  expect(lock).toBeInstanceOf(FileLock);
  expect(milliseconds).toBeGreaterThanOrEqual(5_000);
});

test('When it changes hands meanwhile, then nobody is taken for gone', async () => {
  await fs.writeFile(path, 'elsewhere/pid:[1]/7/one/lock');
  const read = jest.spyOn(fs, 'readFile');
  read.mockResolvedValueOnce('elsewhere/pid:[1]/7/another/lock');

  expect((await attempt()).error).toBeInstanceOf(SecretStoreError);
});

test('When the disk is full, then no empty lock is left behind', async () => {
  const full = Object.assign(new Error('no space'), { code: 'ENOSPC' });
  const open = fs.open;
  jest.spyOn(fs, 'open').mockImplementationOnce(async (...given) => {
    const handle = await open(...given);
    handle.writeFile = () => Promise.reject(full);
    return handle;
  });

  await expect(FileLock.acquire(path)).rejects.toBe(full);

  expect(await fs.readdir(folder)).toEqual([]);
});

test('When no file can be made, then another’s lock is left alone', async () => {
  await fs.writeFile(path, 'elsewhere/pid:[1]/7/one/lock');
  jest.spyOn(fs, 'open').mockRejectedValueOnce(Object.assign(new Error('too many'), { code: 'EMFILE' }));

  await expect(FileLock.acquire(path)).rejects.toMatchObject({ code: 'EMFILE' });

  expect(await fs.readFile(path, 'utf8')).toBe('elsewhere/pid:[1]/7/one/lock');
});

test('When it was taken for that of a process that is gone, then its holder notices, and leaves it', async () => {
  const lock = await FileLock.acquire(path);
  const before = await lock.isHeld();
  await fs.writeFile(path, 'elsewhere/pid:[1]/7/one/lock');

  const after = await lock.isHeld();
  await lock.release();

  expect([before, after]).toEqual([true, false]);
  expect(await fs.readFile(path, 'utf8')).toBe('elsewhere/pid:[1]/7/one/lock');
});

test('When it is gone already, then giving it back is no error', async () => {
  const lock = await FileLock.acquire(path);
  await fs.rm(path);

  await expect(lock.release()).resolves.toBeUndefined();
});

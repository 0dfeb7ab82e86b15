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

/** The lock content of a process of this machine that runs or has ended. */
async function processOf(runs: boolean): Promise<string> {
  const child = spawn(process.execPath, ['-e', runs ? 'setInterval(() => {}, 1e6)' : '']);
  children.push(child);
  if (!runs) await once(child, 'exit');
  return `${host}/${namespace}/${child.pid}/uuid/lock`;
}

/** Tries to acquire the lock. The fake clock advances only while the attempt waits. */
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

test('When the lock is free, then one caller gets it, and the next gets it after the release', async () => {
  const first = await FileLock.acquire(path);
  const second = FileLock.acquire(path);
  const content = await fs.readFile(path, 'utf8');
  const mode = (await fs.stat(path)).mode & 0o777;

  await first.release();
  await (await second).release();

  expect([content.startsWith(thisProcess()), mode]).toEqual([true, 0o600]);
  expect(await fs.readdir(folder)).toEqual([]);
});

test('When many callers acquire the lock at once, then only one has it at a time', async () => {
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

test('When the holder is a process of this machine that has ended, then the lock is free at once', async () => {
  await fs.writeFile(path, await processOf(false));

  expect((await attempt()).milliseconds).toBeLessThan(20);
});

test('When the holder is an earlier process with this process id, then the lock is free at once', async () => {
  await fs.writeFile(path, `${host}/${namespace}/${process.pid}/another/lock`);

  expect((await attempt()).milliseconds).toBeLessThan(20);
});

test('When the holder is a running process of this machine, then the lock is never taken away', async () => {
  await fs.writeFile(path, await processOf(true));

  const { error } = await attempt();

  expect(error).toBeInstanceOf(SecretStoreError);
  expect((error as Error).message).toBe(
    'Another process is writing the file of the client secret: try again',
  );
});

test.each([
  ['on another machine', `elsewhere/pid:[1]/${process.pid}/another/lock`],
  ['in a container with the same host name', `${host}/pid:[1]/${process.pid}/another/lock`],
  ['unknown, because it was killed at once', ''],
])(
  'When the holder is %s, then the lock is free after five seconds without a change',
  async (_whose, holder) => {
    await fs.writeFile(path, holder);

    const { lock, milliseconds } = await attempt();

    expect(lock).toBeInstanceOf(FileLock);
    expect(milliseconds).toBeGreaterThanOrEqual(5_000);
  },
);

test('When the lock gets another holder meanwhile, then it is not taken away', async () => {
  await fs.writeFile(path, 'elsewhere/pid:[1]/7/one/lock');
  const read = jest.spyOn(fs, 'readFile');
  read.mockResolvedValueOnce('elsewhere/pid:[1]/7/another/lock');

  expect((await attempt()).error).toBeInstanceOf(SecretStoreError);
});

test('When the disk is full, then no empty lock file is left', async () => {
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

test('When no file can be opened, then the lock of another process stays', async () => {
  await fs.writeFile(path, 'elsewhere/pid:[1]/7/one/lock');
  jest.spyOn(fs, 'open').mockRejectedValueOnce(Object.assign(new Error('too many'), { code: 'EMFILE' }));

  await expect(FileLock.acquire(path)).rejects.toMatchObject({ code: 'EMFILE' });

  expect(await fs.readFile(path, 'utf8')).toBe('elsewhere/pid:[1]/7/one/lock');
});

test('When another process has taken the lock, then the old holder notices and does not remove it', async () => {
  const lock = await FileLock.acquire(path);
  const before = await lock.isHeld();
  await fs.writeFile(path, 'elsewhere/pid:[1]/7/one/lock');

  const after = await lock.isHeld();
  await lock.release();

  expect([before, after]).toEqual([true, false]);
  expect(await fs.readFile(path, 'utf8')).toBe('elsewhere/pid:[1]/7/one/lock');
});

test('When the lock file is already deleted, then release succeeds', async () => {
  const lock = await FileLock.acquire(path);
  await fs.rm(path);

  await expect(lock.release()).resolves.toBeUndefined();
});

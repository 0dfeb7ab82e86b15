import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { SecretFile, SecretStoreError } from '../src';
import { until } from './loopback';

let folder: string;
let path: string;
let file: SecretFile;

beforeEach(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), 'secret-file-'));
  path = join(folder, 'client-secret');
  file = new SecretFile(path);
});
afterEach(async () => {
  jest.restoreAllMocks();
  await fs.rm(folder, { recursive: true });
});

const put = (content: string) => fs.writeFile(path, content);
const content = () => fs.readFile(path, 'utf8');
const modeOf = async (of: string) => (await fs.stat(of)).mode & 0o777;
const time = (text: string) => new Date(text);

const everything = {
  secret: 'first-aaaa',
  nextSecret: 'second-bbbb',
  rotationStartedAt: time('2026-01-31T12:00:00.000Z'),
  unattended: true,
  lastRotatedAt: time('2026-01-01T12:00:00.000Z'),
};
const everythingAsText = `first-aaaa
next-secret: second-bbbb
rotation-started: 2026-01-31T12:00:00.000Z
unattended: yes
last-rotated: 2026-01-01T12:00:00.000Z
`;

async function troubleOf(work: Promise<unknown>): Promise<SecretStoreError> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(SecretStoreError);
  return error as SecretStoreError;
}

describe('a file that is read', () => {
  test.each([['first-aaaa'], ['first-aaaa\n'], ['first-aaaa\r\n'], ['\uFEFF  first-aaaa \n\n']])(
    'When it is %j, then that is the secret, as old as the file',
    async (text) => {
      await put(text);
      await fs.utimes(path, 1_000, 1_000);

      expect(await file.read()).toEqual({ secret: 'first-aaaa', lastRotatedAt: new Date(1_000_000) });
    },
  );

  test('When a rotation is under way, then the lines below the secret say so', async () => {
    await put(everythingAsText);

    expect(await file.read()).toEqual(everything);
  });

  test('When somebody wrote the next secret alone, then the rotation began when the file was written', async () => {
    await put('first-aaaa\nnext-secret: second-bbbb\n');
    await fs.utimes(path, 1_000, 1_000);

    expect(await file.read()).toMatchObject({
      nextSecret: 'second-bbbb',
      rotationStartedAt: new Date(1_000_000),
    });
  });

  test.each([
    ['', 'has no secret: put it on the first line'],
    [' \n\n', 'has no secret: put it on the first line'],
    ['two words\n', 'has no secret: put it on the first line'],
    ['first-aaaa\nsecond-bbbb\n', 'has a line that is not known'],
    ['first-aaaa\nnext-secret:\n', 'has a line that is not known'],
    ['first-aaaa\nconstructor: second-bbbb\n', 'has a line that is not known'],
    ['first-aaaa\n\nnext-secret: second-bbbb\n', 'has a line that is not known'],
    ['first-aaaa\nlast-rotated: yesterday\n', 'has a time that is none'],
  ])('When it is %j, then that is an error, without the secret', async (text, message) => {
    await put(text);

    const error = await troubleOf(file.read());

    expect(error.message).toBe(`The file of the client secret ${message}`);
    expect(JSON.stringify([error, error.stack])).not.toMatch(/aaaa|bbbb/);
  });

  test('When it is not there, or is no file, then the error says why', async () => {
    const missing = await troubleOf(file.read());
    const directory = await troubleOf(new SecretFile(folder).read());

    expect(missing.message).toBe('The file of the client secret cannot be read (ENOENT)');
    expect(directory.message).toBe('The file of the client secret cannot be read (EISDIR)');
    expect(missing.cause).toMatchObject({ code: 'ENOENT' });
  });
});

describe('a file that is written', () => {
  test('When all there is is stored, then it is read again as it was', async () => {
    await put('first-aaaa');

    await file.write(everything);

    expect(await content()).toBe(everythingAsText);
    expect(await file.read()).toEqual(everything);
  });

  test('When there is nothing but the secret, then there is nothing but its line', async () => {
    await put('anything');

    await file.write({ secret: 'first-aaaa', unattended: false });

    expect(await content()).toBe('first-aaaa\n');
  });

  test('When it was readable by others, then it is its owner’s alone from now on', async () => {
    await put('first-aaaa');
    await fs.chmod(path, 0o644);

    await file.write(everything);

    expect(await modeOf(path)).toBe(0o600);
    expect(await fs.readdir(folder)).toEqual(['client-secret']);
  });

  test('When a killed process left a temporary file behind, then its content and mode are not taken over', async () => {
    await put('first-aaaa');
    await fs.writeFile(`${path}.tmp`, 'x'.repeat(10_000), { mode: 0o666 });

    await file.write({ secret: 'second-bbbb' });

    expect([await content(), await modeOf(path)]).toEqual(['second-bbbb\n', 0o600]);
    expect(await fs.readdir(folder)).toEqual(['client-secret']);
  });

  test('When it is written, then it is on the disk before it takes the place of the old one, and the folder after', async () => {
    await put('first-aaaa');
    const order: string[] = [];
    const open = fs.open;
    jest.spyOn(fs, 'open').mockImplementation(async (...given) => {
      const handle = await open(...given);
      const name = String(given[0]).slice(folder.length) || 'folder';
      const sync = handle.sync.bind(handle);
      handle.sync = async () => {
        order.push(`sync ${name}`);
        return sync();
      };
      return handle;
    });
    const rename = fs.rename;
    jest.spyOn(fs, 'rename').mockImplementation(async (from, to) => {
      order.push('rename');
      return rename(from, to);
    });

    await file.write(everything);

    expect(order).toEqual(['sync /client-secret.tmp', 'rename', 'sync folder']);
  });

  test('When the folder cannot be synchronized, then what was written counts', async () => {
    await put('first-aaaa');
    const open = fs.open;
    jest.spyOn(fs, 'open').mockImplementation(async (...given) => {
      const handle = await open(...given);
      if (given[0] === folder) handle.sync = () => Promise.reject(new Error('EINVAL'));
      return handle;
    });

    await file.write(everything);

    expect(await content()).toBe(everythingAsText);
  });

  test('When it is read all the while, then it is always one whole version or the other', async () => {
    await put('first-aaaa');
    const versions = [everything, { secret: 'second-bbbb' }];
    let over = false;
    const seen = new Set<string>();
    const reading = (async () => {
      while (!over) seen.add((await file.read()).nextSecret ?? 'none');
    })();

    for (let time = 0; time < 100; time += 1) await file.write(versions[time % 2] ?? everything);
    over = true;
    await reading;

    expect([...seen].sort()).toEqual(['none', 'second-bbbb']);
  });

  test('When the path is a link, then what it points at is replaced, for whoever else reads that', async () => {
    await fs.mkdir(join(folder, 'volume'));
    await fs.writeFile(join(folder, 'volume', 'secret'), 'first-aaaa');
    await fs.symlink(join('volume', 'secret'), path);

    await file.write({ secret: 'second-bbbb' });

    expect(await fs.readFile(join(folder, 'volume', 'secret'), 'utf8')).toBe('second-bbbb\n');
    expect((await fs.lstat(path)).isSymbolicLink()).toBe(true);
  });

  test.each(['writeFile', 'sync', 'rename'] as const)(
    'When %s fails, then the old content stays, nothing is left beside it, and the error says what to do',
    async (step) => {
      await put('first-aaaa');
      const full = Object.assign(new Error('no space'), { code: 'ENOSPC' });
      const open = fs.open;
      if (step === 'rename') jest.spyOn(fs, 'rename').mockRejectedValue(full);
      else {
        jest.spyOn(fs, 'open').mockImplementation(async (...given) => {
          const handle = await open(...given);
          handle[step] = () => Promise.reject(full);
          return handle;
        });
      }

      const error = await troubleOf(file.write(everything));

      expect(error.message).toBe(
        'The file of the client secret cannot be written (ENOSPC): it and its folder have to be writable, for it is replaced as a whole',
      );
      expect(await content()).toBe('first-aaaa');
      expect(await fs.readdir(folder)).toEqual(['client-secret']);
    },
  );
});

describe('the lock of a file', () => {
  const lockFile = () => `${path}.lock`;
  const children: ChildProcess[] = [];
  beforeEach(() => put('first-aaaa'));
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });

  async function namespace(): Promise<string> {
    return fs.readlink('/proc/self/ns/pid').catch(() => '-');
  }
  /** The number of a process of this machine: one that runs, or one that did. */
  async function processNumber(runs: boolean): Promise<number> {
    const child = spawn(process.execPath, ['-e', runs ? 'setInterval(() => {}, 1e6)' : '']);
    children.push(child);
    if (!runs) await once(child, 'exit');
    return child.pid ?? 0;
  }

  test('When it is free, then one gets it and no other until it is given back', async () => {
    const unlock = await file.lock();
    const meanwhile = await new SecretFile(path).lock();
    const mode = await modeOf(lockFile());
    await unlock?.();
    const afterwards = await new SecretFile(path).lock();
    await afterwards?.();

    expect([unlock, meanwhile, afterwards]).toEqual([expect.any(Function), undefined, expect.any(Function)]);
    expect(mode).toBe(0o600);
    expect(await fs.readdir(folder)).toEqual(['client-secret']);
  });

  test('When many ask at once, then one gets it', async () => {
    const locks = await Promise.all(Array.from({ length: 50 }, () => new SecretFile(path).lock()));

    expect(locks.filter((unlock) => unlock !== undefined)).toHaveLength(1);
  });

  test('When its holder is a process of this machine that runs, then it stays', async () => {
    await fs.writeFile(lockFile(), `${hostname()} ${await namespace()} ${await processNumber(true)} another`);

    expect(await file.lock()).toBeUndefined();
  });

  test('When its holder is a process of this machine that is gone, then it is free', async () => {
    await fs.writeFile(
      lockFile(),
      `${hostname()} ${await namespace()} ${await processNumber(false)} another`,
    );

    expect(await file.lock()).toBeDefined();
  });

  test('When its holder had the number of this process, and is gone therefore, then it is free', async () => {
    await fs.writeFile(lockFile(), `${hostname()} ${await namespace()} ${process.pid} another`);

    expect(await file.lock()).toBeDefined();
  });

  test.each([
    ['another machine', () => `elsewhere pid:[1] ${process.pid} another`],
    ['a container that calls itself the same', () => `${hostname()} pid:[1] ${process.pid} another`],
    ['nobody, for it was killed at once', () => ''],
  ])('When its holder is %s, then it stays for two minutes', async (_holder, holder) => {
    await fs.writeFile(lockFile(), holder());
    const at = (secondsAgo: number) => new Date(Date.now() - secondsAgo * 1_000);

    await fs.utimes(lockFile(), at(115), at(115));
    const before = await file.lock();
    await fs.utimes(lockFile(), at(125), at(125));
    const after = await file.lock();

    expect([before, after]).toEqual([undefined, expect.any(Function)]);
  });

  test('When many find it stale at once, then one gets it', async () => {
    await fs.writeFile(lockFile(), `${hostname()} ${await namespace()} ${process.pid} another`);

    const locks = await Promise.all(Array.from({ length: 20 }, () => new SecretFile(path).lock()));

    expect(locks.filter((unlock) => unlock !== undefined)).toHaveLength(1);
    expect((await fs.readdir(folder)).sort()).toEqual(['client-secret', 'client-secret.lock']);
  });

  test('When it was taken for stale and is another’s by now, then giving it back leaves it', async () => {
    const unlock = await file.lock();
    await fs.writeFile(lockFile(), 'elsewhere pid:[1] 7 another');

    await unlock?.();

    expect(await fs.readFile(lockFile(), 'utf8')).toBe('elsewhere pid:[1] 7 another');
    expect((await fs.readdir(folder)).sort()).toEqual(['client-secret', 'client-secret.lock']);
  });

  test('When it is gone already, then giving it back is no error', async () => {
    const unlock = await file.lock();
    await fs.rm(lockFile());

    await expect(unlock?.()).resolves.toBeUndefined();
  });

  test.each(['EACCES', 'EROFS'])('When it may not be written (%s), then the error says so', async (code) => {
    jest.spyOn(fs, 'writeFile').mockRejectedValueOnce(Object.assign(new Error('no'), { code }));

    const error = await troubleOf(file.lock());

    expect(error.message).toContain(`cannot be written (${code}): it and its folder have to be writable`);
  });

  test('When the file itself is read-only, then it is not to be replaced', async () => {
    await fs.chmod(path, 0o400);
    const denied = Object.assign(new Error('no'), { code: 'EACCES' });
    // The owner of everything may write everything: then the answer of the system is stood in for.
    if (process.getuid?.() === 0) jest.spyOn(fs, 'access').mockRejectedValueOnce(denied);

    const error = await troubleOf(file.lock());

    expect(error.message).toContain('cannot be written (EACCES)');
    expect(await fs.readdir(folder)).toEqual(['client-secret']);
  });

  test('When the file is gone, then there is nothing to lock', async () => {
    await fs.rm(path);

    expect((await troubleOf(file.lock())).message).toContain('(ENOENT)');
  });
});

describe('a file that is watched', () => {
  test('When it is replaced, taken away and put back, then each is told, and nothing after the end', async () => {
    await put('first-aaaa');
    let changes = 0;
    const stop = file.watch(() => (changes += 1));
    const told = async (work: () => Promise<unknown>) => {
      const before = changes;
      // The first look may come after the change: then the next change shows.
      const again = setInterval(() => void work(), 1_500);
      await work();
      await until(() => changes > before);
      clearInterval(again);
    };

    await told(() => file.write({ secret: 'second-bbbb' }));
    await told(() => fs.rm(path, { force: true }));
    await told(() => put('third-cccc'));
    stop();
    const told3 = changes;
    let others = 0;
    const stopOther = file.watch(() => (others += 1));
    const again = setInterval(() => void put(String(Math.random())), 300);
    await until(() => others > 0);
    clearInterval(again);
    stopOther();

    expect(changes).toBe(told3);
  }, 30_000);
});

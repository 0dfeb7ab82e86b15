import fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileSecretStore, SecretStoreConflictError, SecretStoreError, type StoredSecrets } from '../src';
import { until } from './loopback';

let folder: string;
let path: string;
let file: FileSecretStore;

beforeEach(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), 'secret-file-'));
  path = join(folder, 'client-secret');
  file = new FileSecretStore(path);
});
afterEach(async () => {
  jest.restoreAllMocks();
  await fs.rm(folder, { recursive: true });
});

const put = (content: string) => fs.writeFile(path, content);
const content = () => fs.readFile(path, 'utf8');
const read = async () => (await file.read()).secrets;
/** Replaces whatever is there. */
const write = async (secrets: StoredSecrets) => file.write(secrets, (await file.read()).version);
const modeOf = async (of: string) => (await fs.stat(of)).mode & 0o777;
const time = (text: string) => new Date(text);

const everything = {
  secret: 'first-aaaa',
  rotation: {
    nextSecret: 'second-bbbb',
    startedAt: time('2026-01-31T12:00:00.000Z'),
    automatic: true,
    cancelling: true,
    holder: 'host/pid:[1]/7/uuid',
  },
  lastRotatedAt: time('2026-01-01T12:00:00.000Z'),
};
const everythingAsText = `first-aaaa
next-secret: second-bbbb
rotation-started: 2026-01-31T12:00:00.000Z
automatic: yes
cancelling: yes
holder: host/pid:[1]/7/uuid
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

      expect(await read()).toEqual({ secret: 'first-aaaa', lastRotatedAt: new Date(1_000_000) });
    },
  );

  test('When a rotation is under way, then the lines below the secret say so', async () => {
    await put(everythingAsText);

    expect(await read()).toEqual(everything);
  });

  test('When somebody wrote the next secret alone, then the rotation began when the file was written', async () => {
    await put('first-aaaa\nnext-secret: second-bbbb\n');
    await fs.utimes(path, 1_000, 1_000);

    expect(await read()).toMatchObject({
      rotation: { nextSecret: 'second-bbbb', startedAt: new Date(1_000_000) },
    });
  });

  test('When an earlier version of this program began a rotation, then it is known as automatic', async () => {
    await put('first-aaaa\nrotation-started: 2026-01-31T12:00:00.000Z\nunattended: yes\n');

    expect(await read()).toMatchObject({ rotation: { automatic: true } });
  });

  test.each([
    ['', 'has no secret: put it on the first line'],
    [' \n\n', 'has no secret: put it on the first line'],
    ['two words\n', 'has no secret: put it on the first line'],
    ['first-aaaa\nsecond-bbbb\n', 'has an unknown line'],
    ['first-aaaa\nnext-secret:\n', 'has an unknown line'],
    ['first-aaaa\nconstructor: second-bbbb\n', 'has an unknown line'],
    ['first-aaaa\n\nnext-secret: second-bbbb\n', 'has an unknown line'],
    ['first-aaaa\nlast-rotated: yesterday\n', 'has an invalid time'],
  ])('When it is %j, then that is an error, without the secret', async (text, message) => {
    await put(text);

    const error = await troubleOf(file.read());

    expect(error.message).toBe(`The file of the client secret ${message}`);
    expect(JSON.stringify([error, error.stack])).not.toMatch(/aaaa|bbbb/);
  });

  test('When it is not there, or is no file, then the error says why', async () => {
    const missing = await troubleOf(file.read());
    const directory = await troubleOf(new FileSecretStore(folder).read());

    expect(missing.message).toBe('The file of the client secret cannot be read (ENOENT)');
    expect(directory.message).toBe('The file of the client secret cannot be read (EISDIR)');
    expect(missing.cause).toMatchObject({ code: 'ENOENT' });
  });
});

describe('a file that is written', () => {
  test('When all there is is stored, then it is read again as it was', async () => {
    await put('first-aaaa');

    await write(everything);

    expect(await content()).toBe(everythingAsText);
    expect(await read()).toEqual(everything);
  });

  test('When there is nothing but the secret, then there is nothing but its line', async () => {
    await put('anything');

    await write({ secret: 'first-aaaa' });

    expect(await content()).toBe('first-aaaa\n');
  });

  test('When it was readable by others, then it is its owner’s alone from now on', async () => {
    await put('first-aaaa');
    await fs.chmod(path, 0o644);

    await write(everything);

    expect(await modeOf(path)).toBe(0o600);
    expect(await fs.readdir(folder)).toEqual(['client-secret']);
  });

  test('When a killed process left a temporary file behind, then its content and mode are not taken over', async () => {
    await put('first-aaaa');
    await fs.writeFile(`${path}.tmp`, 'x'.repeat(10_000), { mode: 0o666 });

    await write({ secret: 'second-bbbb' });

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
      if (to === path) order.push('rename');
      return rename(from, to);
    });

    await write(everything);

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

    await write(everything);

    expect(await content()).toBe(everythingAsText);
  });

  test('When it is read all the while, then it is always one whole version or the other', async () => {
    await put('first-aaaa');
    const versions = [everything, { secret: 'second-bbbb' }];
    let over = false;
    const seen = new Set<string>();
    const reading = (async () => {
      while (!over) seen.add((await read()).rotation?.nextSecret ?? 'none');
    })();

    for (let time = 0; time < 100; time += 1) await write(versions[time % 2] ?? everything);
    over = true;
    await reading;

    expect([...seen].sort()).toEqual(['none', 'second-bbbb']);
  });

  test('When the path is a link, then what it points at is replaced, for whoever else reads that', async () => {
    await fs.mkdir(join(folder, 'volume'));
    await fs.writeFile(join(folder, 'volume', 'secret'), 'first-aaaa');
    await fs.symlink(join('volume', 'secret'), path);

    await write({ secret: 'second-bbbb' });

    expect(await fs.readFile(join(folder, 'volume', 'secret'), 'utf8')).toBe('second-bbbb\n');
    expect((await fs.lstat(path)).isSymbolicLink()).toBe(true);
  });

  test.each(['writeFile', 'sync', 'rename'] as const)(
    'When %s fails, then the old content stays, nothing is left beside it, and the error says what to do',
    async (step) => {
      await put('first-aaaa');
      const full = Object.assign(new Error('no space'), { code: 'ENOSPC' });
      const open = fs.open;
      const rename = fs.rename;
      if (step === 'rename')
        jest
          .spyOn(fs, 'rename')
          .mockImplementation((from, to) => (to === path ? Promise.reject(full) : rename(from, to)));
      else {
        jest.spyOn(fs, 'open').mockImplementation(async (...given) => {
          const handle = await open(...given);
          if (String(given[0]).endsWith('.tmp')) handle[step] = () => Promise.reject(full);
          return handle;
        });
      }

      const error = await troubleOf(write(everything));

      expect(error.message).toBe(
        'The file of the client secret cannot be written (ENOSPC): the file and its folder must be writable, because a rename replaces it',
      );
      expect(await content()).toBe('first-aaaa');
      expect(await fs.readdir(folder)).toEqual(['client-secret']);
    },
  );
});

describe('a file that another process writes', () => {
  beforeEach(() => put('first-aaaa\n'));

  test('When it was written since it was read, then it is not overwritten', async () => {
    const { version } = await file.read();
    await put('second-bbbb\n');

    await expect(file.write({ secret: 'third-cccc' }, version)).rejects.toBeInstanceOf(
      SecretStoreConflictError,
    );

    expect(await content()).toBe('second-bbbb\n');
    expect(await fs.readdir(folder)).toEqual(['client-secret']);
  });

  test('When a write has its new version, then the next write goes on from there', async () => {
    const version = await file.write({ secret: 'second-bbbb' }, (await file.read()).version);

    await file.write({ secret: 'third-cccc' }, version);

    expect(await content()).toBe('third-cccc\n');
  });

  test('When many write at once what they have read, then one succeeds', async () => {
    const { version } = await file.read();

    const writes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) =>
        new FileSecretStore(path).write({ secret: `s-${index}` }, version),
      ),
    );

    const succeeded = writes.flatMap(({ status }, index) => (status === 'fulfilled' ? [`s-${index}\n`] : []));
    expect(succeeded).toEqual([await content()]);
    for (const write of writes) {
      if (write.status === 'rejected') expect(write.reason).toBeInstanceOf(SecretStoreConflictError);
    }
    expect(await fs.readdir(folder)).toEqual(['client-secret']);
  });

  test('When the lock is lost before the file is replaced, then the file is left as it is', async () => {
    const { version } = await file.read();
    const open = fs.open;
    jest.spyOn(fs, 'open').mockImplementation(async (...given) => {
      if (String(given[0]).endsWith('.tmp')) await fs.writeFile(`${path}.lock`, 'elsewhere/pid:[1]/7/a/b');
      return open(...given);
    });

    await expect(file.write({ secret: 'second-bbbb' }, version)).rejects.toBeInstanceOf(
      SecretStoreConflictError,
    );

    expect(await content()).toBe('first-aaaa\n');
  });

  test.each(['EACCES', 'EROFS'])('When it may not be written (%s), then the error says so', async (code) => {
    jest.spyOn(fs, 'access').mockRejectedValueOnce(Object.assign(new Error('no'), { code }));

    const error = await troubleOf(write({ secret: 'second-bbbb' }));

    expect(error.message).toContain(`cannot be written (${code}): the file and its folder must be writable`);
    expect(await fs.readdir(folder)).toEqual(['client-secret']);
  });

  test('When the file is gone, then there is nothing to write to', async () => {
    const { version } = await file.read();
    await fs.rm(path);

    expect((await troubleOf(file.write({ secret: 'second-bbbb' }, version))).message).toContain('(ENOENT)');
  });
});

describe('a file system that hangs', () => {
  /** Every open waits until the returned function is called. */
  function hang() {
    let opened = 0;
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    const open = fs.open;
    jest.spyOn(fs, 'open').mockImplementation(async (...given) => {
      opened += 1;
      await released;
      return open(...given);
    });
    return { opened: () => opened, release };
  }

  beforeEach(async () => {
    await put('first-aaaa\n');
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  test('When it is read again and again, then one read waits, and each caller for 5 s', async () => {
    const disk = hang();
    const stop = file.watch(jest.fn(), jest.fn());
    const errors = Array.from({ length: 5 }, () => troubleOf(file.read()));

    await jest.advanceTimersByTimeAsync(5_000);
    errors.push(troubleOf(file.read()));
    await jest.advanceTimersByTimeAsync(60_000);
    stop();

    for (const { message } of await Promise.all(errors)) {
      expect(message).toBe('The file of the client secret cannot be read (ETIMEDOUT)');
    }
    expect(disk.opened()).toBe(1);
  });

  test('When it works again, then so does the store', async () => {
    const disk = hang();
    const failed = troubleOf(file.read());
    await jest.advanceTimersByTimeAsync(5_000);
    await failed;

    disk.release();
    jest.useRealTimers();

    expect(await read()).toMatchObject({ secret: 'first-aaaa' });
  });

  test('When it hangs in a write, then that ends after 10 s, and no other write begins', async () => {
    const { version } = await file.read();
    const disk = hang();
    const first = troubleOf(file.write({ secret: 'second-bbbb' }, version));
    await jest.advanceTimersByTimeAsync(10_000);

    expect((await first).message).toContain('cannot be written (ETIMEDOUT)');
    expect((await troubleOf(file.write({ secret: 'third-cccc' }, version))).message).toContain(
      'still being written',
    );
    disk.release();
    jest.useRealTimers();
    await until(async () => (await content()) === 'second-bbbb\n');
    await until(async () => (await fs.readdir(folder)).length === 1); // The lock is released last.
  });
});

describe('a file that is watched', () => {
  const watch = () => {
    const seen: StoredSecrets[] = [];
    const errors: unknown[] = [];
    const stop = file.watch(
      (secrets) => seen.push(secrets),
      (error) => errors.push(error),
    );
    return { seen, errors, stop, secrets: () => seen.map(({ secret }) => secret) };
  };
  const look = async () => {
    await jest.advanceTimersByTimeAsync(1_000);
    await file.read().catch(() => undefined); // That of the watch, or one after it.
    await jest.advanceTimersByTimeAsync(0);
  };

  beforeEach(async () => {
    await put('first-aaaa\n');
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'performance'] });
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  test('When another process replaces it, then that is told once', async () => {
    const { secrets, stop } = watch();
    await look();
    await put('second-bbbb\n');
    await look();
    await look();
    stop();
    await put('third-cccc\n');
    await look();

    expect(secrets()).toEqual(['first-aaaa', 'second-bbbb']);
  });

  test('When this process writes it, then that is told before the write is over', async () => {
    const { secrets, stop } = watch();

    await write({ secret: 'second-bbbb' });
    const atOnce = secrets();
    await look();
    stop();

    expect(atOnce).toEqual(['second-bbbb']);
    expect(secrets()).toEqual(['second-bbbb']);
  });

  test('When it is taken away and put back, then the trouble is told once, and what comes after', async () => {
    const { secrets, errors, stop } = watch();
    await look();
    await fs.rm(path);
    await look();
    await look();
    await put('second-bbbb\n');
    await look();
    stop();

    expect(errors).toEqual([expect.any(SecretStoreError)]);
    expect(secrets()).toEqual(['first-aaaa', 'second-bbbb']);
  });
});

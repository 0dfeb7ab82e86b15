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
/** Reads the version and writes, so that there is no conflict. */
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

async function errorOf(work: Promise<unknown>): Promise<SecretStoreError> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(SecretStoreError);
  return error as SecretStoreError;
}

describe('reading', () => {
  test.each([['first-aaaa'], ['first-aaaa\n'], ['first-aaaa\r\n'], ['\uFEFF  first-aaaa \n\n']])(
    'When the file holds %j, then the secret is read and lastRotatedAt is the time of the file',
    async (text) => {
      await put(text);
      await fs.utimes(path, 1_000, 1_000);

      expect(await read()).toEqual({ secret: 'first-aaaa', lastRotatedAt: new Date(1_000_000) });
    },
  );

  test('When the file holds a rotation, then every line is read', async () => {
    await put(everythingAsText);

    expect(await read()).toEqual(everything);
  });

  test('When the file holds a next secret without a start, then the rotation started when the file was written', async () => {
    await put('first-aaaa\nnext-secret: second-bbbb\n');
    await fs.utimes(path, 1_000, 1_000);

    expect(await read()).toMatchObject({
      rotation: { nextSecret: 'second-bbbb', startedAt: new Date(1_000_000) },
    });
  });

  test('When an earlier version started an automatic rotation, then it is read as automatic', async () => {
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
  ])(
    'When the file holds %j, then reading fails with an error that does not quote a secret',
    async (text, message) => {
      await put(text);

      const error = await errorOf(file.read());

      expect(error.message).toBe(`The file of the client secret ${message}`);
      expect(JSON.stringify([error, error.stack])).not.toMatch(/aaaa|bbbb/);
    },
  );

  test('When the file is missing or is a folder, then the error says why', async () => {
    const missing = await errorOf(file.read());
    const directory = await errorOf(new FileSecretStore(folder).read());

    expect(missing.message).toBe('The file of the client secret cannot be read (ENOENT)');
    expect(directory.message).toBe('The file of the client secret cannot be read (EISDIR)');
    expect(missing.cause).toMatchObject({ code: 'ENOENT' });
  });
});

describe('writing', () => {
  test('When every field is written, then reading returns the same fields', async () => {
    await put('first-aaaa');

    await write(everything);

    expect(await content()).toBe(everythingAsText);
    expect(await read()).toEqual(everything);
  });

  test('When only a secret is written, then the file has only its line', async () => {
    await put('anything');

    await write({ secret: 'first-aaaa' });

    expect(await content()).toBe('first-aaaa\n');
  });

  test('When other users can read the file, then only its owner can after a write', async () => {
    await put('first-aaaa');
    await fs.chmod(path, 0o644);

    await write(everything);

    expect(await modeOf(path)).toBe(0o600);
    expect(await fs.readdir(folder)).toEqual(['client-secret']);
  });

  test('When a killed process left a temporary file, then its content and mode are not reused', async () => {
    await put('first-aaaa');
    await fs.writeFile(`${path}.tmp`, 'x'.repeat(10_000), { mode: 0o666 });

    await write({ secret: 'second-bbbb' });

    expect([await content(), await modeOf(path)]).toEqual(['second-bbbb\n', 0o600]);
    expect(await fs.readdir(folder)).toEqual(['client-secret']);
  });

  test('When the file is written, then its content is synced before the rename and the folder after it', async () => {
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

  test('When the folder cannot be synced, then the write still succeeds', async () => {
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

  test('When the file is read during writes, then each read returns a complete version', async () => {
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

  test('When the path is a symbolic link, then its target is replaced and the link stays', async () => {
    await fs.mkdir(join(folder, 'volume'));
    await fs.writeFile(join(folder, 'volume', 'secret'), 'first-aaaa');
    await fs.symlink(join('volume', 'secret'), path);

    await write({ secret: 'second-bbbb' });

    expect(await fs.readFile(join(folder, 'volume', 'secret'), 'utf8')).toBe('second-bbbb\n');
    expect((await fs.lstat(path)).isSymbolicLink()).toBe(true);
  });

  test.each(['writeFile', 'sync', 'rename'] as const)(
    'When %s fails, then the old content stays, no other file is left, and the error says what to do',
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

      const error = await errorOf(write(everything));

      expect(error.message).toBe(
        'The file of the client secret cannot be written (ENOSPC): the file and its folder must be writable, because a rename replaces it',
      );
      expect(await content()).toBe('first-aaaa');
      expect(await fs.readdir(folder)).toEqual(['client-secret']);
    },
  );
});

describe('concurrent writes', () => {
  beforeEach(() => put('first-aaaa\n'));

  test('When the file has changed since it was read, then it is not overwritten', async () => {
    const { version } = await file.read();
    await put('second-bbbb\n');

    await expect(file.write({ secret: 'third-cccc' }, version)).rejects.toBeInstanceOf(
      SecretStoreConflictError,
    );

    expect(await content()).toBe('second-bbbb\n');
    expect(await fs.readdir(folder)).toEqual(['client-secret']);
  });

  test('When a write returns the new version, then the next write can use it', async () => {
    const version = await file.write({ secret: 'second-bbbb' }, (await file.read()).version);

    await file.write({ secret: 'third-cccc' }, version);

    expect(await content()).toBe('third-cccc\n');
  });

  test('When many write at once with the same version, then one succeeds', async () => {
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

  test('When the lock is lost before the file is replaced, then the file does not change', async () => {
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

  test.each(['EACCES', 'EROFS'])(
    'When the file is not writable (%s), then the error says so',
    async (code) => {
      jest.spyOn(fs, 'access').mockRejectedValueOnce(Object.assign(new Error('no'), { code }));

      const error = await errorOf(write({ secret: 'second-bbbb' }));

      expect(error.message).toContain(
        `cannot be written (${code}): the file and its folder must be writable`,
      );
      expect(await fs.readdir(folder)).toEqual(['client-secret']);
    },
  );

  test('When the file has been deleted, then writing fails', async () => {
    const { version } = await file.read();
    await fs.rm(path);

    expect((await errorOf(file.write({ secret: 'second-bbbb' }, version))).message).toContain('(ENOENT)');
  });
});

describe('a file system that hangs', () => {
  /** Makes every open wait until `release` is called. */
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

  test('When many callers read, then they share one read and each fails after 5 s', async () => {
    const disk = hang();
    const stop = file.watch(jest.fn(), jest.fn());
    const errors = Array.from({ length: 5 }, () => errorOf(file.read()));

    await jest.advanceTimersByTimeAsync(5_000);
    errors.push(errorOf(file.read()));
    await jest.advanceTimersByTimeAsync(60_000);
    stop();

    for (const { message } of await Promise.all(errors)) {
      expect(message).toBe('The file of the client secret cannot be read (ETIMEDOUT)');
    }
    expect(disk.opened()).toBe(1);
  });

  test('When the file system works again, then the store can be read again', async () => {
    const disk = hang();
    const failed = errorOf(file.read());
    await jest.advanceTimersByTimeAsync(5_000);
    await failed;

    disk.release();
    jest.useRealTimers();

    expect(await read()).toMatchObject({ secret: 'first-aaaa' });
  });

  test('When a write hangs, then it fails after 10 s and no other write starts', async () => {
    const { version } = await file.read();
    const disk = hang();
    const first = errorOf(file.write({ secret: 'second-bbbb' }, version));
    await jest.advanceTimersByTimeAsync(10_000);

    expect((await first).message).toContain('cannot be written (ETIMEDOUT)');
    expect((await errorOf(file.write({ secret: 'third-cccc' }, version))).message).toContain(
      'still being written',
    );
    disk.release();
    jest.useRealTimers();
    await until(async () => (await content()) === 'second-bbbb\n');
    await until(async () => (await fs.readdir(folder)).length === 1); // The lock is released last.
  });
});

describe('watching', () => {
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
    await file.read().catch(() => undefined); // Shares the read of the watch, or follows it.
    await jest.advanceTimersByTimeAsync(0);
  };

  beforeEach(async () => {
    await put('first-aaaa\n');
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'performance'] });
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  test('When another process replaces the file, then the listener is called once', async () => {
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

  test('When this process writes the file, then the listener is called before the write resolves', async () => {
    const { secrets, stop } = watch();

    await write({ secret: 'second-bbbb' });
    const atOnce = secrets();
    await look();
    stop();

    expect(atOnce).toEqual(['second-bbbb']);
    expect(secrets()).toEqual(['second-bbbb']);
  });

  test('When the file is deleted and put back, then one error is reported, and then the new secret', async () => {
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

import './closedNetwork';
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import promises from 'node:fs/promises';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { CertificateAuthority, type Identity } from '../../certificates/src';
import { ConfigError, readTlsCredentials, TlsFiles } from '../src/index';
import { createTestLogger, type TestLogger } from './testLogger';
import { createTlsFolder, type TlsFolder } from './tlsFolder';

const tomorrow = new Date(Date.now() + 86_400_000);
const yesterday = new Date(Date.now() - 86_400_000);
const lastYear = new Date(Date.now() - 365 * 86_400_000);

let authority: CertificateAuthority;
let identity: Identity;
let folder: TlsFolder;

beforeAll(async () => {
  authority = await CertificateAuthority.create('Test CA');
  identity = await authority.issue('server', { notAfter: tomorrow });
});

beforeEach(() => {
  folder = createTlsFolder(identity, authority.certificate);
});

afterEach(() => {
  folder.remove();
});

describe('TLS files at start', () => {
  const problems = async (settings = folder.settings): Promise<string> => {
    const error: unknown = await readTlsCredentials(settings).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).message;
  };

  test('When all are good, then that is the credentials, which ends with the certificate', async () => {
    const credentials = await readTlsCredentials(folder.settings);

    expect(credentials).toEqual({
      cert: identity.certificate,
      key: identity.key,
      ca: authority.certificate,
      expiresAt: new Date(Math.floor(tomorrow.getTime() / 1_000) * 1_000),
    });
  });

  test('When no setting names any, then there is no credentials', async () => {
    expect(await readTlsCredentials({})).toBeUndefined();
  });

  test('When the certificate is followed by what leads to its CA, then the earliest end counts', async () => {
    const soon = new Date(Math.floor(Date.now() / 1_000) * 1_000 + 60_000);
    const intermediate = await CertificateAuthority.create('Intermediate CA', { notAfter: soon });
    folder.put({ cert: `${identity.certificate}${intermediate.certificate}` });

    expect(await readTlsCredentials(folder.settings)).toMatchObject({ expiresAt: soon });
  });

  test.each(['TLS_CERT_FILE', 'TLS_KEY_FILE', 'TLS_CA_FILE'] as const)(
    'When %s is not there, a folder, or not PEM, then the message names it, and its file',
    async (setting) => {
      const file = folder.settings[setting];
      writeFileSync(file, 'hello');
      expect(await problems()).toMatch(new RegExp(`${setting}: ${file} contains no .* in PEM`));
      rmSync(file);
      expect(await problems()).toContain(`${setting}: ${file} does not exist`);
      mkdirSync(file);
      expect(await problems()).toContain(`${setting}: ${file} is a folder`);
    },
  );

  test('When a file may not be read, then the message says so', async () => {
    const loop = folder.settings.TLS_KEY_FILE;
    rmSync(loop);
    symlinkSync(loop, loop);

    expect(await problems()).toContain(`TLS_KEY_FILE: ${loop} cannot be read: ELOOP`);
  });

  test('When several are wrong, then one message tells of each, once', async () => {
    const message = await problems({
      TLS_CERT_FILE: '/nowhere/cert.pem',
      TLS_KEY_FILE: '/nowhere/key.pem',
      TLS_CA_FILE: folder.settings.TLS_KEY_FILE,
    });

    expect(message.split('\n')).toEqual([
      'These TLS files are invalid:',
      '  TLS_CERT_FILE: /nowhere/cert.pem does not exist',
      '  TLS_KEY_FILE: /nowhere/key.pem does not exist',
      `  TLS_CA_FILE: ${folder.settings.TLS_KEY_FILE} contains no certificate in PEM`,
      expect.stringContaining('npm run certs'),
    ]);
  });

  test('When a path is relative, then the message says where that led', async () => {
    expect(await problems({ ...folder.settings, TLS_KEY_FILE: 'key.pem' })).toContain(
      `TLS_KEY_FILE: ${join(process.cwd(), 'key.pem')} does not exist`,
    );
  });

  test('When the certificate has expired, then the message says when', async () => {
    const expired = await authority.issue('server', { notBefore: lastYear, notAfter: yesterday });
    folder.put({ cert: expired.certificate, key: expired.key });

    expect(await problems()).toMatch(
      /TLS_CERT_FILE: \S+ contains the certificate of CN=server, which expired at \w+ \d/,
    );
  });

  test('When the certificate is not valid yet, then the message says from when', async () => {
    const early = await authority.issue('server', { notBefore: tomorrow });
    folder.put({ cert: early.certificate, key: early.key });

    expect(await problems()).toMatch(/TLS_CERT_FILE: .* CN=server, which is not valid before \w+ \d/);
  });

  test('When what leads to the CA has expired, then that is told', async () => {
    const old = await CertificateAuthority.create('Old', { notBefore: lastYear, notAfter: yesterday });
    folder.put({ cert: `${identity.certificate}${old.certificate}` });

    expect(await problems()).toMatch(/TLS_CERT_FILE: .* CN=Old, which expired at/);
  });

  test('When the key is that of another certificate, then the message says so', async () => {
    folder.put({ key: (await authority.issue('server')).key });

    expect(await problems()).toMatch(/TLS_KEY_FILE: \S+ is not the key of the certificate in TLS_CERT_FILE/);
  });

  test('When the key has a passphrase, then the message says that it may not', async () => {
    const { privateKey } = generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' },
    });
    folder.put({ key: privateKey });

    expect(await problems()).toMatch(
      /TLS_KEY_FILE: \S+ contains no private key in PEM, or one with a passphr/,
    );
  });

  test('When a certificate is damaged, or is cut off, then the message says so', async () => {
    folder.put({ cert: identity.certificate.replace(/\nMII/, '\nMIA') });
    expect(await problems()).toMatch(/TLS_CERT_FILE: \S+ contains a malformed certificate/);

    folder.put({ cert: `${identity.certificate}${authority.certificate.slice(0, 200)}` });
    expect(await problems()).toMatch(/TLS_CERT_FILE: \S+ is refused by OpenSSL: /);
  });

  test('When the CA is none, then the message says so', async () => {
    folder.put({ ca: identity.certificate });

    expect(await problems()).toMatch(/TLS_CA_FILE: \S+ contains no CA certificate/);
  });

  test('When the CA has expired, then it is told; beside one that is good, it may stay', async () => {
    const old = await CertificateAuthority.create('Old', { notBefore: lastYear, notAfter: yesterday });
    folder.put({ ca: old.certificate });
    expect(await problems()).toMatch(/TLS_CA_FILE: \S+ contains the certificate of CN=Old, which expired at/);

    folder.put({ ca: `${old.certificate}${authority.certificate}` });
    expect(await readTlsCredentials(folder.settings)).toBeDefined();
  });

  test('When anything is wrong, then the message quotes no key', async () => {
    folder.put({ key: identity.key.replace('PRIVATE KEY', 'KEY') });

    expect(await problems()).not.toContain(identity.key.split('\n')[1]);
  });
});

describe('TLS files that change', () => {
  let log: TestLogger;
  let registry: Registry;
  let files: TlsFiles;
  const taken: string[] = [];

  beforeEach(async () => {
    log = createTestLogger();
    registry = new Registry();
    taken.length = 0;
    files = (await TlsFiles.open(folder.settings, {
      logger: log.logger,
      registry,
      intervalMilliseconds: 10,
    }))!;
    files.onChange(({ cert }) => taken.push(cert));
  });

  afterEach(() => {
    files.stop();
  });

  const takenOver = () => log.logged(({ msg }) => msg === 'TLS certificates reloaded');
  const refused = () => log.logged(({ msg }) => /not reloaded: the new files are invalid/.test(msg));

  test('When all change together, then they are taken over, and the log and the metric say until when', async () => {
    const next = await authority.issue('server', { notAfter: new Date('2199-12-31T00:00:00Z') });
    const done = takenOver();

    folder.put({ cert: next.certificate, key: next.key });

    expect(await done).toMatchObject({ level: 30, expires: '2199-12-31T00:00:00.000Z' });
    expect(files.current).toMatchObject({ cert: next.certificate, key: next.key });
    expect(taken).toEqual([next.certificate]);
    expect(await registry.metrics()).toContain(
      `tls_certificate_expiry_timestamp_seconds ${Date.parse('2199-12-31T00:00:00Z') / 1_000}`,
    );
  });

  test('When only the certificate has changed so far, then the old ones stay until the key has, too', async () => {
    const next = await authority.issue('server');
    const half = refused();

    folder.put({ cert: next.certificate });
    expect(await half).toMatchObject({
      level: 40,
      problems: [expect.stringContaining('TLS_KEY_FILE: ')],
    });
    expect(files.current.cert).toBe(identity.certificate);
    const done = takenOver();
    folder.put({ key: next.key });
    await done;

    expect(taken).toEqual([next.certificate]);
  });

  test('When the CAs change alone, then they are taken over', async () => {
    const other = await CertificateAuthority.create('Other CA');
    const done = takenOver();

    folder.put({ ca: `${authority.certificate}${other.certificate}` });
    await done;

    expect(files.current.ca).toContain(other.certificate);
  });

  test('When the new certificate has expired, then the old one stays', async () => {
    const expired = await authority.issue('server', { notBefore: lastYear, notAfter: yesterday });
    const told = log.logged(({ problems }) => String(problems).includes('expired at'));

    folder.put({ key: expired.key, cert: expired.certificate });
    await told;

    expect(taken).toEqual([]);
    expect(files.current.cert).toBe(identity.certificate);
  });

  test('When a file stays bad, then that is told once, and what comes after it is told anew', async () => {
    const reads = jest.spyOn(promises, 'readFile');
    const looks = async (count: number) => {
      const until = reads.mock.calls.length + 3 * count;
      while (reads.mock.calls.length < until) await new Promise(setImmediate);
    };
    folder.put({ ca: 'hello' });
    await looks(4);
    rmSync(folder.settings.TLS_CA_FILE);
    await looks(4);
    folder.put({ ca: authority.certificate });
    await looks(4);
    folder.put({ ca: 'hello' });
    await looks(4);
    reads.mockRestore();

    const told = log.lines.filter(({ level }) => level === 40).map(({ problems }) => String(problems));
    expect(told).toEqual([
      expect.stringContaining('contains no certificate'),
      expect.stringContaining('does not exist'),
      expect.stringContaining('contains no certificate'),
    ]);
    expect(taken).toEqual([]);
  });

  test('When one of those who get the new set throws, then that is told, and the files are followed on', async () => {
    const next = await authority.issue('server', { notAfter: tomorrow });
    const last = await authority.issue('server', { notAfter: tomorrow });
    let thrown = false;
    files.onChange(() => {
      if (thrown) return;
      thrown = true;
      throw new Error('no such context');
    });
    const told = log.logged(({ problems }) => String(problems) === 'no such context');
    folder.put({ key: next.key, cert: next.certificate });
    await told;
    const done = takenOver();

    folder.put({ key: last.key, cert: last.certificate });
    await done;

    expect(taken).toEqual([next.certificate, last.certificate]);
  });

  test('When they are followed no longer, then nothing is taken over', async () => {
    const other = await TlsFiles.open(folder.settings, {
      logger: log.logger,
      registry: new Registry(),
      intervalMilliseconds: 20,
    });
    files.stop();
    const next = await authority.issue('server');
    const done = takenOver();
    folder.put({ key: next.key, cert: next.certificate });
    await done;
    other?.stop();

    expect(taken).toEqual([]);
  });
});

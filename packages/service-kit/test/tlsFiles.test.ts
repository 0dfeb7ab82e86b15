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

  test('When all are valid, then they are returned with the expiry of the certificate', async () => {
    const credentials = await readTlsCredentials(folder.settings);

    expect(credentials).toEqual({
      cert: identity.certificate,
      key: identity.key,
      ca: authority.certificate,
      expiresAt: new Date(Math.floor(tomorrow.getTime() / 1_000) * 1_000),
    });
  });

  test('When no setting names a file, then there are no credentials', async () => {
    expect(await readTlsCredentials({})).toBeUndefined();
  });

  test('When intermediate certificates follow, then the earliest expiry is returned', async () => {
    const soon = new Date(Math.floor(Date.now() / 1_000) * 1_000 + 60_000);
    const intermediate = await CertificateAuthority.create('Intermediate CA', { notAfter: soon });
    folder.put({ cert: `${identity.certificate}${intermediate.certificate}` });

    expect(await readTlsCredentials(folder.settings)).toMatchObject({ expiresAt: soon });
  });

  test.each(['TLS_CERT_FILE', 'TLS_KEY_FILE', 'TLS_CA_FILE'] as const)(
    'When %s does not exist, is a folder, or is not PEM, then the message names the setting and the file',
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

  test('When a file is unreadable, then the message says so', async () => {
    const loop = folder.settings.TLS_KEY_FILE;
    rmSync(loop);
    symlinkSync(loop, loop);

    expect(await problems()).toContain(`TLS_KEY_FILE: ${loop} cannot be read: ELOOP`);
  });

  test('When several are invalid, then one message has one line for each', async () => {
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

  test('When a path is relative, then the message has the absolute path', async () => {
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

  test('When the certificate is not valid yet, then the message says when it will be', async () => {
    const early = await authority.issue('server', { notBefore: tomorrow });
    folder.put({ cert: early.certificate, key: early.key });

    expect(await problems()).toMatch(/TLS_CERT_FILE: .* CN=server, which is not valid before \w+ \d/);
  });

  test('When an intermediate certificate has expired, then the message says so', async () => {
    const old = await CertificateAuthority.create('Old', { notBefore: lastYear, notAfter: yesterday });
    folder.put({ cert: `${identity.certificate}${old.certificate}` });

    expect(await problems()).toMatch(/TLS_CERT_FILE: .* CN=Old, which expired at/);
  });

  test('When the key does not match the certificate, then the message says so', async () => {
    folder.put({ key: (await authority.issue('server')).key });

    expect(await problems()).toMatch(/TLS_KEY_FILE: \S+ is not the key of the certificate in TLS_CERT_FILE/);
  });

  test('When the key has a passphrase, then the message says so', async () => {
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

  test('When a certificate is malformed or truncated, then the message says so', async () => {
    folder.put({ cert: identity.certificate.replace(/\nMII/, '\nMIA') });
    expect(await problems()).toMatch(/TLS_CERT_FILE: \S+ contains a malformed certificate/);

    folder.put({ cert: `${identity.certificate}${authority.certificate.slice(0, 200)}` });
    expect(await problems()).toMatch(/TLS_CERT_FILE: \S+ is refused by OpenSSL: /);
  });

  test('When the CA file contains no CA, then the message says so', async () => {
    folder.put({ ca: identity.certificate });

    expect(await problems()).toMatch(/TLS_CA_FILE: \S+ contains no CA certificate/);
  });

  test('When the CA has expired, then the message says so, unless another CA in the file is valid', async () => {
    const old = await CertificateAuthority.create('Old', { notBefore: lastYear, notAfter: yesterday });
    folder.put({ ca: old.certificate });
    expect(await problems()).toMatch(/TLS_CA_FILE: \S+ contains the certificate of CN=Old, which expired at/);

    folder.put({ ca: `${old.certificate}${authority.certificate}` });
    expect(await readTlsCredentials(folder.settings)).toBeDefined();
  });

  test('When the key is invalid, then the message does not quote it', async () => {
    folder.put({ key: identity.key.replace('PRIVATE KEY', 'KEY') });

    expect(await problems()).not.toContain(identity.key.split('\n')[1]);
  });
});

describe('TLS files that change', () => {
  let log: TestLogger;
  let registry: Registry;
  let files: TlsFiles;
  const received: string[] = [];

  beforeEach(async () => {
    log = createTestLogger();
    registry = new Registry();
    received.length = 0;
    files = (await TlsFiles.open(folder.settings, {
      logger: log.logger,
      registry,
      intervalMilliseconds: 10,
    }))!;
    files.onChange(({ cert }) => received.push(cert));
  });

  afterEach(() => {
    files.stop();
  });

  const reloaded = () => log.logged(({ msg }) => msg === 'TLS certificates reloaded');
  const refused = () => log.logged(({ msg }) => /not reloaded: the new files are invalid/.test(msg));

  test('When all change together, then they are reloaded, and the log and the metric have the new expiry', async () => {
    const next = await authority.issue('server', { notAfter: new Date('2199-12-31T00:00:00Z') });
    const done = reloaded();

    folder.put({ cert: next.certificate, key: next.key });

    expect(await done).toMatchObject({ level: 30, expires: '2199-12-31T00:00:00.000Z' });
    expect(files.current).toMatchObject({ cert: next.certificate, key: next.key });
    expect(received).toEqual([next.certificate]);
    expect(await registry.metrics()).toContain(
      `tls_certificate_expiry_timestamp_seconds ${Date.parse('2199-12-31T00:00:00Z') / 1_000}`,
    );
  });

  test('When only the certificate has changed so far, then the old credentials stay in use until the key changes', async () => {
    const next = await authority.issue('server');
    const half = refused();

    folder.put({ cert: next.certificate });
    expect(await half).toMatchObject({
      level: 40,
      problems: [expect.stringContaining('TLS_KEY_FILE: ')],
    });
    expect(files.current.cert).toBe(identity.certificate);
    const done = reloaded();
    folder.put({ key: next.key });
    await done;

    expect(received).toEqual([next.certificate]);
  });

  test('When only the CAs change, then they are reloaded', async () => {
    const other = await CertificateAuthority.create('Other CA');
    const done = reloaded();

    folder.put({ ca: `${authority.certificate}${other.certificate}` });
    await done;

    expect(files.current.ca).toContain(other.certificate);
  });

  test('When the new certificate has expired, then the old one stays in use', async () => {
    const expired = await authority.issue('server', { notBefore: lastYear, notAfter: yesterday });
    const warned = log.logged(({ problems }) => String(problems).includes('expired at'));

    folder.put({ key: expired.key, cert: expired.certificate });
    await warned;

    expect(received).toEqual([]);
    expect(files.current.cert).toBe(identity.certificate);
  });

  test('When a file stays invalid, then there is one warning, and another for each new problem', async () => {
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

    const warnings = log.lines.filter(({ level }) => level === 40).map(({ problems }) => String(problems));
    expect(warnings).toEqual([
      expect.stringContaining('contains no certificate'),
      expect.stringContaining('does not exist'),
      expect.stringContaining('contains no certificate'),
    ]);
    expect(received).toEqual([]);
  });

  test('When a listener throws, then the error is logged, and the files are still polled', async () => {
    const next = await authority.issue('server', { notAfter: tomorrow });
    const last = await authority.issue('server', { notAfter: tomorrow });
    let thrown = false;
    files.onChange(() => {
      if (thrown) return;
      thrown = true;
      throw new Error('no such context');
    });
    const warned = log.logged(({ problems }) => String(problems) === 'no such context');
    folder.put({ key: next.key, cert: next.certificate });
    await warned;
    const done = reloaded();

    folder.put({ key: last.key, cert: last.certificate });
    await done;

    expect(received).toEqual([next.certificate, last.certificate]);
  });

  test('When polling has stopped, then nothing is reloaded', async () => {
    const other = await TlsFiles.open(folder.settings, {
      logger: log.logger,
      registry: new Registry(),
      intervalMilliseconds: 20,
    });
    files.stop();
    const next = await authority.issue('server');
    const done = reloaded();
    folder.put({ key: next.key, cert: next.certificate });
    await done;
    other?.stop();

    expect(received).toEqual([]);
  });
});

import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CertificateAuthority } from '../../packages/certificates/src';
import { certificateFiles, curlOptions, makeCertificates } from '../src/certs';

let parent: string;
let folder: string;

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'certs-'));
  folder = join(parent, 'certs');
});

afterEach(() => {
  rmSync(parent, { recursive: true });
});

const contents = () =>
  Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
const modeOf = (name: string) => (statSync(join(folder, name)).mode & 0o777).toString(8);
const names = ['local-stytch', 'operator', 'payment-server', 'wallet-server'] as const;

describe('npm run certs', () => {
  test('When there are none, then it makes a CA and a certificate for each owner, with keys that no other user can read', async () => {
    const { made, expiresAt } = await makeCertificates(folder);

    expect(made).toBe(true);
    expect((expiresAt!.getTime() - Date.now()) / 86_400_000).toBeCloseTo(90, 1);
    expect(Object.keys(contents()).sort()).toEqual(
      ['ca.pem', ...names.flatMap((name) => [`${name}-key.pem`, `${name}.pem`])].sort(),
    );
    expect(modeOf('.')).toBe('700');
    for (const name of names) expect(modeOf(`${name}-key.pem`)).toBe('600');
  });

  test('When they are made, then each is issued by the CA for its own name and localhost, for servers and clients', async () => {
    await makeCertificates(folder);
    const authority = new X509Certificate(readFileSync(join(folder, 'ca.pem')));

    expect(authority.ca).toBe(true);
    for (const name of names) {
      const certificate = new X509Certificate(readFileSync(certificateFiles(folder, name).certificate));
      expect(certificate.ca).toBe(false);
      expect(certificate.checkIssued(authority) && certificate.verify(authority.publicKey)).toBe(true);
      expect(certificate.subjectAltName).toBe(
        `DNS:${name}, DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1`,
      );
      // RFC 5280 §4.2.1.12: serverAuth, clientAuth.
      expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
    }
  });

  test('When they are valid for more than a week, then they are replaced only with --renew', async () => {
    await makeCertificates(folder);
    const before = contents();

    expect(await makeCertificates(folder)).toMatchObject({ made: false });
    expect(contents()).toEqual(before);

    expect(await makeCertificates(folder, true)).toMatchObject({ made: true });
    for (const [name, text] of Object.entries(contents()))
      expect([name, text === before[name]]).toEqual([name, false]);
  });

  test.each<[string, () => Promise<void> | void]>([
    [
      'one is missing',
      () => {
        rmSync(certificateFiles(folder, 'operator').certificate);
      },
    ],
    [
      'a key does not match',
      () => {
        writeFileSync(
          certificateFiles(folder, 'operator').key,
          readFileSync(certificateFiles(folder, 'local-stytch').key),
        );
      },
    ],
    [
      'one is issued by another CA',
      async () => {
        const { certificate, key } = await (await CertificateAuthority.create()).issue('operator');
        writeFileSync(certificateFiles(folder, 'operator').certificate, certificate);
        writeFileSync(certificateFiles(folder, 'operator').key, key);
      },
    ],
    [
      'the CA expires within a week',
      async () => {
        const notAfter = new Date(Date.now() + 6 * 86_400_000);
        writeFileSync(
          join(folder, 'ca.pem'),
          (await CertificateAuthority.create('a', { notAfter })).certificate,
        );
      },
    ],
  ])('When %s, then all are replaced', async (_name, spoil) => {
    await makeCertificates(folder);
    const { 'wallet-server.pem': before } = contents();
    await spoil();

    expect(await makeCertificates(folder)).toMatchObject({ made: true });

    expect(contents()['wallet-server.pem']).not.toBe(before);
    expect(await makeCertificates(folder)).toMatchObject({ made: false });
  });

  test('The options of curl have the CA and, for an owner, the client certificate', () => {
    const here = join(process.cwd(), 'certs');

    expect(curlOptions(here)).toBe(' --cacert certs/ca.pem');
    expect(curlOptions(here, 'operator')).toBe(
      ' --cacert certs/ca.pem --cert certs/operator.pem --key certs/operator-key.pem',
    );
  });
});

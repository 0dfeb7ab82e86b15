import 'service-kit/earlySignals';
import { X509Certificate } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { readTlsCredentials, runCommand } from 'service-kit';
import { CertificateAuthority } from 'certificates';
import { root } from './program';

/** Who gets a certificate: each program, and the operator, who calls the payment-server. */
const owners = ['payment-server', 'wallet-server', 'local-stytch', 'operator'] as const;

export type Owner = (typeof owners)[number];

/** Certificates that end sooner are made anew. Milliseconds. */
const renewBeforeMilliseconds = 7 * 86_400_000;

/** Where `npm run certs` puts its files; git ignores it. */
export const certificatesFolder = join(root, 'certs');

/** Where certificate and key of an owner are, and the certificate of the CA. */
export function certificateFiles(folder: string, owner: Owner) {
  return {
    ca: join(folder, 'ca.pem'),
    certificate: join(folder, `${owner}.pem`),
    key: join(folder, `${owner}-key.pem`),
  };
}

/**
 * Makes a CA for development, and a certificate for each owner, good for 90 days. The key of the CA is thrown
 * away: who trusts it trusts these certificates and no others. Thus all are made, or none.
 *
 * @param renew whether to make them although those that are there are good for a week or more. Default false.
 * @returns when the first of them ends, and whether they were made.
 */
export async function makeCertificates(folder: string, renew = false) {
  const goodUntil = renew ? undefined : await whenTheyEnd(folder);
  if (goodUntil !== undefined && goodUntil.getTime() - Date.now() > renewBeforeMilliseconds) {
    return { made: false, goodUntil };
  }
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
  const authority = await CertificateAuthority.create('stytch-m2m-node development CA');
  write(join(folder, 'ca.pem'), authority.certificate, 0o644);
  for (const owner of owners) {
    const { certificate, key } = certificateFiles(folder, owner);
    const identity = await authority.issue(owner);
    write(key, identity.key, 0o600);
    write(certificate, identity.certificate, 0o644);
  }
  return { made: true, goodUntil: await whenTheyEnd(folder) };
}

/** Undefined when one is missing, cannot be used, or is not of the CA beside it. */
async function whenTheyEnd(folder: string): Promise<Date | undefined> {
  try {
    const authority = new X509Certificate(readFileSync(join(folder, 'ca.pem')));
    const ends = [Date.parse(authority.validTo)];
    for (const owner of owners) {
      const { ca, certificate, key } = certificateFiles(folder, owner);
      const files = { TLS_CERT_FILE: certificate, TLS_KEY_FILE: key, TLS_CA_FILE: ca };
      const credentials = await readTlsCredentials(files);
      if (!credentials || !new X509Certificate(credentials.cert).verify(authority.publicKey))
        return undefined;
      ends.push(credentials.expiresAt.getTime());
    }
    return new Date(Math.min(...ends));
  } catch {
    return undefined;
  }
}

/** First a new file beside it, then a rename: who reads it meanwhile reads the one or the other. */
function write(file: string, text: string, mode: number): void {
  rmSync(`${file}.new`, { force: true });
  writeFileSync(`${file}.new`, text, { mode });
  renameSync(`${file}.new`, file);
}

/** What makes curl trust the CA and show the certificate of an owner: a blank, then its options. */
export function curlOptions(folder: string, owner?: Owner): string {
  const { ca, certificate, key } = certificateFiles(relative(process.cwd(), folder), owner ?? 'operator');
  const trust = ` --cacert ${ca}`;
  return owner === undefined ? trust : `${trust} --cert ${certificate} --key ${key}`;
}

async function main(): Promise<void> {
  const { made, goodUntil } = await makeCertificates(certificatesFolder, process.argv.includes('--renew'));
  const files = owners.map((owner) => `  certs/${owner}.pem`.padEnd(30) + `certs/${owner}-key.pem`);
  console.log(
    [
      made
        ? 'Made a CA for development, and these certificates of it:'
        : 'These certificates are still good; "npm run certs -- --renew" makes new ones:',
      '',
      '  certs/ca.pem',
      ...files,
      '',
      `They are good until ${goodUntil?.toISOString().slice(0, 10) ?? 'now'}, for localhost and each for the name of its service.`,
      'Run everything over mutual TLS with "npm start -- --mtls"; then, in another terminal:',
      '',
      `  curl${curlOptions(certificatesFolder, 'operator')} https://localhost:6000/initiate-payment`,
    ].join('\n'),
  );
}

if (require.main === module) void runCommand(main);

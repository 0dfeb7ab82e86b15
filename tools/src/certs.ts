import 'service-kit/earlySignals';
import { X509Certificate } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { readTlsCredentials, runCommand } from 'service-kit';
import { CertificateAuthority } from 'certificates';
import { root } from './program';
import { replaceFile } from './replaceFile';

/** The owners of the certificates: each program, and the operator, who calls the payment-server. */
const owners = ['payment-server', 'wallet-server', 'local-stytch', 'operator'] as const;

export type Owner = (typeof owners)[number];

/** Certificates that expire sooner are renewed. Milliseconds. */
const renewBeforeMilliseconds = 7 * 86_400_000;

/** The folder of `npm run certs`. Git ignores it. */
export const certificatesFolder = join(root, 'certs');

/** The paths of an owner's certificate and key, and of the CA certificate. */
export function certificateFiles(folder: string, owner: Owner) {
  return {
    ca: join(folder, 'ca.pem'),
    certificate: join(folder, `${owner}.pem`),
    key: join(folder, `${owner}-key.pem`),
  };
}

/**
 * Makes a CA for development and a certificate for each owner, valid for 90 days. The key of the CA is discarded, so
 * that it cannot issue further certificates. So either all certificates are made, or none.
 *
 * @param renew whether to replace certificates that are still valid for a week or more. Default false.
 * @returns when the first of them expires, and whether they were made.
 */
export async function makeCertificates(folder: string, renew = false) {
  const expiresAt = renew ? undefined : await firstExpiry(folder);
  if (expiresAt !== undefined && expiresAt.getTime() - Date.now() > renewBeforeMilliseconds) {
    return { made: false, expiresAt };
  }
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
  const authority = await CertificateAuthority.create('stytch-m2m-node development CA');
  replaceFile(join(folder, 'ca.pem'), authority.certificate, 0o644);
  for (const owner of owners) {
    const { certificate, key } = certificateFiles(folder, owner);
    const identity = await authority.issue(owner);
    replaceFile(key, identity.key, 0o600);
    replaceFile(certificate, identity.certificate, 0o644);
  }
  return { made: true, expiresAt: await firstExpiry(folder) };
}

/** Undefined if a file is missing or invalid, or if a certificate was not issued by the CA in the folder. */
async function firstExpiry(folder: string): Promise<Date | undefined> {
  try {
    const authority = new X509Certificate(readFileSync(join(folder, 'ca.pem')));
    const expiries = [Date.parse(authority.validTo)];
    for (const owner of owners) {
      const { ca, certificate, key } = certificateFiles(folder, owner);
      const files = { TLS_CERT_FILE: certificate, TLS_KEY_FILE: key, TLS_CA_FILE: ca };
      const credentials = await readTlsCredentials(files);
      if (!credentials || !new X509Certificate(credentials.cert).verify(authority.publicKey))
        return undefined;
      expiries.push(credentials.expiresAt.getTime());
    }
    return new Date(Math.min(...expiries));
  } catch {
    return undefined;
  }
}

/** The options of curl for the CA and the certificate of an owner, with a space before them. */
export function curlOptions(folder: string, owner?: Owner): string {
  const { ca, certificate, key } = certificateFiles(relative(process.cwd(), folder), owner ?? 'operator');
  const trust = ` --cacert ${ca}`;
  return owner === undefined ? trust : `${trust} --cert ${certificate} --key ${key}`;
}

async function main(): Promise<void> {
  const { made, expiresAt } = await makeCertificates(certificatesFolder, process.argv.includes('--renew'));
  const files = owners.map((owner) => `  certs/${owner}.pem`.padEnd(30) + `certs/${owner}-key.pem`);
  console.log(
    [
      made
        ? 'Made a CA for development, and these certificates:'
        : 'These certificates are still valid; "npm run certs -- --renew" makes new ones:',
      '',
      '  certs/ca.pem',
      ...files,
      '',
      `They are valid until ${expiresAt?.toISOString().slice(0, 10) ?? 'now'}, for localhost and the name of each service.`,
      'Run everything over mutual TLS with "npm start -- --mtls". Then, in another terminal:',
      '',
      `  curl${curlOptions(certificatesFolder, 'operator')} https://localhost:6000/initiate-payment`,
    ].join('\n'),
  );
}

if (require.main === module) void runCommand(main);

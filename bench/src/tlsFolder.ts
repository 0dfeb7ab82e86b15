import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CertificateAuthority } from '../../packages/certificates/dist/index';
import type { TlsClient } from './protocol';

/** Certificates of this run, and the settings of our servers that name their files. */
export interface TlsFolder {
  serverOnly: Readonly<Record<string, string>>;
  mutual: Readonly<Record<string, string>>;
  client: Required<TlsClient>;
  remove: () => void;
}

/** Makes a CA, and certificates for a server and a client. The files exist until `remove`. */
export async function createTlsFolder(): Promise<TlsFolder> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-tls-'));
  const write = (name: string, text: string) => {
    const file = join(folder, name);
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  };
  const authority = await CertificateAuthority.create('Benchmark CA');
  const [server, client] = await Promise.all(['server', 'client'].map((name) => authority.issue(name)));
  if (!server || !client) throw new Error('no certificate was issued');
  const serverOnly = {
    TLS_CERT_FILE: write('server.crt', server.certificate),
    TLS_KEY_FILE: write('server.key', server.key),
  };
  return {
    serverOnly,
    mutual: { ...serverOnly, TLS_CA_FILE: write('ca.crt', authority.certificate) },
    client: { ca: authority.certificate, cert: client.certificate, key: client.key },
    remove: () => {
      rmSync(folder, { recursive: true });
    },
  };
}

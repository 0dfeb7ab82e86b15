import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Identity } from '../../certificates/src';

/** A folder with certificate, key and CA, and the settings for them. */
export interface TlsFolder {
  settings: { TLS_CERT_FILE: string; TLS_KEY_FILE: string; TLS_CA_FILE: string };
  /** Replaces the contents of some files, each atomically. */
  put(contents: Partial<Record<'cert' | 'key' | 'ca', string>>): void;
  remove(): void;
}

export function createTlsFolder(identity: Identity, ca: string): TlsFolder {
  const folder = mkdtempSync(join(tmpdir(), 'tls-'));
  const files = { cert: join(folder, 'cert'), key: join(folder, 'key'), ca: join(folder, 'ca') };
  const put: TlsFolder['put'] = (contents) => {
    for (const [name, text] of Object.entries(contents)) {
      writeFileSync(join(folder, 'new'), text);
      renameSync(join(folder, 'new'), files[name as keyof typeof files]);
    }
  };
  put({ cert: identity.certificate, key: identity.key, ca });
  return {
    settings: { TLS_CERT_FILE: files.cert, TLS_KEY_FILE: files.key, TLS_CA_FILE: files.ca },
    put,
    remove: () => {
      rmSync(folder, { recursive: true });
    },
  };
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from './images';

/** Those that .env.example is to explain as soon as the servers speak TLS. */
const ofTls = [
  'TLS_CERT_FILE',
  'TLS_KEY_FILE',
  'TLS_CA_FILE',
  'HEALTH_PORT',
  'ALLOWED_CLIENT_NAMES',
  'STYTCH_SECRET_FILE',
];

const explained = Array.from(
  readFileSync(join(repository, '.env.example'), 'utf8').matchAll(/^(?:# )?([A-Z_]+)=/gm),
  ([, name]) => name,
);

/** Whether some program reads an environment variable of this name: .env.example explains them all. */
export function isKnownSetting(name: string): boolean {
  return [...explained, ...ofTls].includes(name);
}

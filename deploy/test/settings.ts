import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from './images';

const explained = Array.from(
  readFileSync(join(repository, '.env.example'), 'utf8').matchAll(/^(?:# )?([A-Z_]+)=/gm),
  ([, name]) => name,
);

/** Whether some program reads an environment variable of this name: .env.example explains them all. */
export function isKnownSetting(name: string): boolean {
  return explained.includes(name);
}

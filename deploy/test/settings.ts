import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from './images';

const explained = Array.from(
  readFileSync(join(repository, '.env.example'), 'utf8').matchAll(/^(?:# )?([A-Z_]+)=/gm),
  ([, name]) => name,
);

/** Whether a program reads this environment variable: .env.example explains all that are read. */
export function isKnownSetting(name: string): boolean {
  return explained.includes(name);
}

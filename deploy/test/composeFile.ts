import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { repository } from './images';

export const composePath = join(repository, 'deploy', 'compose.yaml');

export interface ComposeService {
  profiles: string[];
  build: { context: string; target: string };
  environment: Record<string, string | null>;
  secrets?: (string | { source: string; target: string })[];
  volumes?: string[];
  ports?: string[];
  networks?: string[];
  [setting: string]: unknown;
}

export interface ComposeFile {
  services: Record<string, ComposeService>;
  secrets: Record<string, { file: string }>;
  networks: Record<string, unknown>;
}

/** The Compose file with its anchors resolved. */
export function readComposeFile(): ComposeFile {
  return parse(readFileSync(composePath, 'utf8'), { merge: true }) as ComposeFile;
}

/**
 * The environment of a service of the Compose file. `places` replaces the paths and addresses in it by those of this
 * machine. `given` has the variables that Compose would take from the caller's environment.
 */
export function composeEnvironment(
  service: string,
  places: Readonly<Record<string, string>>,
  given: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const entries = Object.entries(readComposeFile().services[service]!.environment);
  return Object.fromEntries(
    entries.map(([name, value]) => [name, value === null ? (given[name] ?? '') : (places[value] ?? value)]),
  );
}

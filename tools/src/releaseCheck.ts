import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './program';

/** The packages that are published to npm. */
const published = ['stytch-m2m', 'local-stytch'];

/** Licences (SPDX) that may be shipped in a package or an image. */
const accepted = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'ISC',
  'MIT',
]);

interface Manifest {
  name: string;
  version: string;
  private?: boolean;
  license?: string;
}

/**
 * Checks what a release needs beside green tests: manifests, changelogs, licences and the API reference.
 *
 * @param tag the Git tag of the release, `<package>@<version>`, or undefined before there is one.
 * @returns the problems, one a line.
 */
export function checkRelease(tag: string | undefined): string[] {
  return [...published.flatMap((name) => checkPackage(name, tag)), ...checkLicences(), ...checkReference()];
}

function checkPackage(name: string, tag: string | undefined): string[] {
  const read = (file: string) => readFileSync(join(root, 'packages', name, file), 'utf8');
  const { version, private: isPrivate } = JSON.parse(read('package.json')) as Manifest;
  const [, newest] = /^## (\d\S*) - \d{4}-\d\d-\d\d$/m.exec(read('CHANGELOG.md')) ?? [];
  return [
    ...(isPrivate ? [`${name}: package.json says private`] : []),
    ...(newest === version ? [] : [`${name}: version ${version}, but CHANGELOG.md begins with ${newest}`]),
    ...(read('LICENSE') === readFileSync(join(root, 'LICENSE'), 'utf8')
      ? []
      : [`${name}: LICENSE differs from the one of the repository`]),
    ...(tag?.startsWith(`${name}@`) && tag !== `${name}@${version}`
      ? [`${name}: version ${version}, but the tag is ${tag}`]
      : []),
  ];
}

/** Every installed package that is not only for development is part of a package or of an image. */
function checkLicences(): string[] {
  const packages = JSON.parse(run('npm', ['query', '*:not(.dev)'])) as Manifest[];
  return packages
    .filter(({ license = 'no licence' }) => !accepted.has(license))
    .map(({ name, version, license }) => `${name}@${version}: licence ${license ?? 'missing'}`);
}

function checkReference(): string[] {
  const fresh = mkdtempSync(join(tmpdir(), 'api-reference-'));
  try {
    const home = join(root, 'packages', 'stytch-m2m');
    run('npx', ['typedoc', '--logLevel', 'Error', '--out', fresh], home);
    const committed = join(home, 'docs', 'api');
    return JSON.stringify(contents(fresh)) === JSON.stringify(contents(committed))
      ? []
      : ['stytch-m2m: docs/api is out of date, run "npm run docs -w stytch-m2m"'];
  } finally {
    rmSync(fresh, { recursive: true });
  }
}

function contents(folder: string): string[][] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.md'),
  );
  return files.sort().map((file) => [file, readFileSync(join(folder, file), 'utf8')]);
}

function run(command: string, args: string[], cwd = root): string {
  return execFileSync(command, args, { cwd, encoding: 'utf8', maxBuffer: 100_000_000 });
}

if (require.main === module) {
  const problems = checkRelease(process.argv[2]);
  process.stdout.write(problems.length > 0 ? `${problems.join('\n')}\n` : 'Ready for a release.\n');
  process.exitCode = problems.length > 0 ? 1 : 0;
}

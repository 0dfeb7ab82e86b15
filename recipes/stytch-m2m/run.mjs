// Packs stytch-m2m, installs it outside of the repository with real frameworks, compilers and bundlers, and runs the tests
// there: `node run.mjs`. It needs the npm registry. With `--keep` the folder stays.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeSnippets } from './snippets.mjs';

const here = import.meta.dirname;
const packages = join(here, '..', '..', 'packages');
const folder = mkdtempSync(join(tmpdir(), 'stytch-m2m-recipes-'));
const run = (command, args, cwd = folder) => execFileSync(command, args, { cwd, stdio: 'inherit' });

try {
  const tarballs = ['stytch-m2m', 'local-stytch'].map((name) => {
    const [{ filename }] = JSON.parse(
      execFileSync('npm', ['pack', '--json', '--silent', '--pack-destination', folder], {
        cwd: join(packages, name),
        encoding: 'utf8',
      }).replace(/^[^[]*/, ''),
    );
    return join(folder, filename);
  });
  for (const name of ['package.json', 'package-lock.json', '.npmrc', 'tests', 'fixtures']) {
    cpSync(join(here, name), join(folder, name), { recursive: true });
  }
  run('npm', ['ci', '--ignore-scripts']);
  run('npm', ['install', '--no-save', '--ignore-scripts', ...tarballs]);
  mkdirSync(join(folder, 'bare'));
  writeFileSync(join(folder, 'bare', 'package.json'), '{}');
  run('npm', ['install', '--ignore-scripts', tarballs[0]], join(folder, 'bare'));
  writeSnippets(join(folder, 'node_modules', 'stytch-m2m'), join(folder, 'snippets'));
  const tests = readdirSync(join(folder, 'tests')).filter((name) => name.endsWith('.test.mjs'));
  run(process.execPath, ['--test', '--test-concurrency=1', ...tests.map((name) => join('tests', name))]);
} finally {
  if (process.argv[2] === '--keep') console.log(folder);
  else rmSync(folder, { recursive: true, force: true });
}

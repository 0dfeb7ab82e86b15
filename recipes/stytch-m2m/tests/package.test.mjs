import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import * as fromEsm from 'stytch-m2m';
import { attachTokens } from 'stytch-m2m/axios';
import { fetchWithToken } from 'stytch-m2m/fetch';

const root = join(import.meta.dirname, '..');
const require = createRequire(import.meta.url);

/** Runs the command of an installed package. */
function runBin(name, bin, args, cwd = root) {
  const manifest = require(join(root, 'node_modules', name, 'package.json'));
  const path = typeof manifest.bin === 'string' ? manifest.bin : manifest.bin[bin];
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, 'node_modules', name, path), ...args],
    { cwd, encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '', NODE_TEST_CONTEXT: undefined } },
  );
  return { status, output: stdout + stderr };
}

function fixture(name, files) {
  const folder = join(root, 'snippets', name);
  mkdirSync(folder, { recursive: true });
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
  return folder;
}

test('ES modules and CommonJS get the same exports', () => {
  assert.deepEqual(
    Object.keys(fromEsm)
      .filter((name) => !['__esModule', 'default', 'module.exports'].includes(name))
      .sort(),
    Object.keys(require('stytch-m2m')).sort(),
  );
  assert.equal(fetchWithToken, require('stytch-m2m/fetch').fetchWithToken);
  assert.equal(attachTokens, require('stytch-m2m/axios').attachTokens);
  assert.equal(require('stytch-m2m/package.json').name, 'stytch-m2m');
});

describe('types', () => {
  const types = readFileSync(join(root, 'fixtures', 'types.ts'), 'utf8');
  for (const compiler of ['typescript-5.6', 'typescript-6', 'typescript']) {
    for (const [module, moduleResolution] of [
      ['node16', 'node16'],
      ['nodenext', 'nodenext'],
      ['esnext', 'bundler'],
    ]) {
      for (const kind of ['mts', 'cts']) {
        if (moduleResolution === 'bundler' && kind === 'cts') continue;
        test(`${compiler} with ${moduleResolution} compiles a .${kind} file, libraries included`, () => {
          const folder = fixture(`types-${compiler}-${moduleResolution}-${kind}`, {
            [`types.${kind}`]: types,
          });
          const args = [
            '--noEmit',
            '--strict',
            '--skipLibCheck',
            'false',
            '--target',
            'es2022',
            '--types',
            'node',
          ];
          const { status, output } = runBin(compiler, 'tsc', [
            ...args,
            '--module',
            module,
            '--moduleResolution',
            moduleResolution,
            join(folder, `types.${kind}`),
          ]);

          assert.equal(output, '');
          assert.equal(status, 0);
        });
      }
    }
  }
});

describe('test runners', () => {
  test('Jest requires it', () => {
    const folder = fixture('jest', {
      'package.json': '{"type":"commonjs"}',
      'a.test.js': readFileSync(join(root, 'fixtures', 'runner.cjs'), 'utf8'),
    });
    const { status, output } = runBin('jest', 'jest', ['--rootDir', folder, '--config', '{}']);

    assert.equal(status, 0, output);
  });

  test('Vitest imports it', () => {
    const folder = fixture('vitest', {
      'a.test.mjs': `import { test } from 'vitest';\n${readFileSync(join(root, 'fixtures', 'runner.mjs'), 'utf8')}`,
    });
    const { status, output } = runBin('vitest', 'vitest', ['run', '--root', folder]);

    assert.equal(status, 0, output);
  });
});

describe('bundlers', () => {
  const program = readFileSync(join(root, 'fixtures', 'program.mjs'), 'utf8');
  const runs = (file) => execFileSync(process.execPath, [file], { cwd: '/', encoding: 'utf8' });

  for (const format of ['cjs', 'esm']) {
    test(`An esbuild bundle (${format}) runs on its own`, () => {
      const folder = fixture('esbuild', { 'program.mjs': program });
      const file = join(folder, format === 'cjs' ? 'out.cjs' : 'out.mjs');
      // CommonJS inside an ES module needs `require` for Node's own modules.
      const banner = `import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);`;
      const { errors, warnings } = require('esbuild').buildSync({
        entryPoints: [join(folder, 'program.mjs')],
        bundle: true,
        platform: 'node',
        format,
        outfile: file,
        ...(format === 'esm' && { banner: { js: banner } }),
      });

      assert.deepEqual([...errors, ...warnings], []);
      assert.equal(runs(file), '401 unauthorized\n');
    });
  }

  test('A Vite bundle for servers runs on its own', async () => {
    const folder = fixture('vite', { 'program.mjs': program });
    const { build } = await import('vite');
    await build({
      root: folder,
      logLevel: 'error',
      ssr: { noExternal: true },
      build: { ssr: 'program.mjs', outDir: 'out', rollupOptions: { output: { entryFileNames: 'out.mjs' } } },
    });

    assert.equal(runs(join(folder, 'out', 'out.mjs')), '401 unauthorized\n');
  });
});

describe('the tarball', () => {
  const installed = join(root, 'node_modules', 'stytch-m2m');
  const bare = join(root, 'bare', 'node_modules');

  test('publint has nothing to say', () => {
    const { status, output } = runBin('publint', 'publint', ['--strict', installed]);

    assert.match(output, /All good!/);
    assert.equal(status, 0);
  });

  test('attw finds no problem with its types', () => {
    const tarball = readdirSync(root).find((name) => /^stytch-m2m-.*\.tgz$/.test(name));
    const { status, output } = runBin('@arethetypeswrong/cli', 'attw', [tarball]);

    assert.match(output, /No problems found/);
    assert.equal(status, 0, output);
  });

  test('It has what a package has, and no Express, no SDK and no private package', () => {
    const names = readdirSync(installed).sort();
    assert.deepEqual(names, ['CHANGELOG.md', 'LICENSE', 'README.md', 'dist', 'docs', 'package.json', 'src']);
    const files = readdirSync(join(installed, 'dist'), { recursive: true, withFileTypes: true });
    for (const file of files.filter((entry) => /\.(js|d\.ts)$/.test(entry.name))) {
      const text = readFileSync(join(file.parentPath, file.name), 'utf8').replaceAll(/\/\*[^]*?\*\//g, '');
      assert.doesNotMatch(
        text,
        /(?:from|require\(|import\() ?['"](?:express|stytch|service-kit|@types)/,
        file.name,
      );
    }
  });

  test('Without peers it installs what the README says, and runs', () => {
    const readme = readFileSync(join(installed, 'README.md'), 'utf8');
    const packages = readdirSync(bare).filter((name) => !name.startsWith('.'));
    const [, megabytes] = /^(\d+)\t/.exec(execFileSync('du', ['-sm', bare], { encoding: 'utf8' }));
    cpSync(join(root, 'fixtures', 'bare.cjs'), join(bare, '..', 'bare.cjs'));

    assert.match(readme, new RegExp(`installs ${packages.length} packages and ${megabytes} MB`));
    assert.equal(
      execFileSync(process.execPath, [join(bare, '..', 'bare.cjs')], { encoding: 'utf8' }),
      '401\n',
    );
  });
});

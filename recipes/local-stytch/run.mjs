// Packs local-stytch, installs it outside of the repository, and runs what its README says: node recipes/local-stytch/run.mjs
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';

const here = import.meta.dirname;
const source = join(here, '..', '..', 'packages', 'local-stytch');
const readme = readFileSync(join(source, 'README.md'), 'utf8');
const work = mkdtempSync(join(tmpdir(), 'recipes-local-stytch-'));
after(() => rmSync(work, { recursive: true, force: true }));

// The environment of a user: nothing of npm's, Jest's or Stytch's.
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_|JEST_|STYTCH_|CLIENT_)/.test(name)),
);

/** Runs a program to its end. It fails when the exit code is not 0. */
function run(folder, program, ...args) {
  const { status, stdout, stderr, error } = runAny(folder, program, ...args);
  assert.equal(status, 0, `${program} ${args.join(' ')}\n${error ?? ''}${stdout}${stderr}`);
  return stdout;
}

function runAny(folder, program, ...args) {
  return spawnSync(program, args, { cwd: folder, env: environment, encoding: 'utf8', timeout: 180_000 });
}

/** The code blocks of the README whose first line is a comment with a file name. */
function codeBlocks() {
  const blocks = [...readme.matchAll(/```\w+\n((?:\/\/|#) ([\w.-]+)\n[\s\S]*?)```/g)];
  return new Map(blocks.map(([, text, name]) => [name, text]));
}

run(source, 'npm', 'pack', '--pack-destination', work);
const tarball = join(work, readdirSync(work).find((name) => name.endsWith('.tgz')) ?? '');

// With nothing but the package.
const alone = join(work, 'alone');
mkdirSync(alone);
writeFileSync(join(alone, 'package.json'), '{}');
run(alone, 'npm', 'install', '--no-audit', '--no-fund', tarball);
const installed = join(alone, 'node_modules', 'local-stytch');

// With the runners of the recipes.
const recipes = join(work, 'recipes');
mkdirSync(recipes);
for (const name of ['package.json', 'package-lock.json', '.npmrc'])
  cpSync(join(here, name), join(recipes, name));
run(recipes, 'npm', 'ci', '--no-audit', '--no-fund', '--ignore-scripts');
cpSync(installed, join(recipes, 'node_modules', 'local-stytch'), { recursive: true });
symlinkSync('../local-stytch/bundle/cli.js', join(recipes, 'node_modules', '.bin', 'local-stytch'));
for (const [name, text] of codeBlocks()) writeFileSync(join(recipes, name), text);

describe('the package', () => {
  test('installs nothing but itself, in at most 15 MB', () => {
    assert.deepEqual(
      readdirSync(join(alone, 'node_modules')).filter((name) => !name.startsWith('.')),
      ['local-stytch'],
    );
    const kilobytes = Number(
      execFileSync('du', ['-sk', join(alone, 'node_modules')], { encoding: 'utf8' }).split('\t')[0],
    );
    assert.ok(kilobytes <= 15 * 1024, `${kilobytes} kB`);
    console.log(`# installed: ${(kilobytes / 1024).toFixed(1)} MB`);
  });

  test('has its licence, README, changelog, admin API document and the licences of its parts', () => {
    for (const name of [
      'LICENSE',
      'README.md',
      'CHANGELOG.md',
      'openapi.yaml',
      'bundle/THIRD_PARTY_LICENSES.txt',
    ]) {
      assert.ok(existsSync(join(installed, name)), name);
    }
    const licences = readFileSync(join(installed, 'bundle', 'THIRD_PARTY_LICENSES.txt'), 'utf8');
    assert.doesNotMatch(licences, /licence: undefined/);
    for (const name of ['express', 'zod', 'yaml']) assert.match(licences, new RegExp(`^${name} \\d`, 'm'));
  });

  test('is clean for publint and attw', () => {
    run(recipes, join(recipes, 'node_modules', '.bin', 'publint'), 'run', tarball, '--strict');
    run(
      recipes,
      join(recipes, 'node_modules', '.bin', 'attw'),
      tarball,
      '--profile',
      'node16',
      '--exclude-entrypoints',
      'openapi.yaml',
      'package.json',
    );
  });

  test('loads from CommonJS and from ES modules', () => {
    run(alone, 'node', '-e', "require('local-stytch').startLocalStytch().then((stytch) => stytch.close())");
    run(
      alone,
      'node',
      '--input-type=module',
      '-e',
      "import { startLocalStytch } from 'local-stytch'; await (await startLocalStytch()).close();",
    );
  });

  test('starts in at most 150 ms (median) with a signing key, once loaded', () => {
    const script = `
      const { generateKeyPairSync } = require('crypto');
      const { startLocalStytch } = require('local-stytch');
      const signingKey = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' });
      (async () => {
        const times = [];
        for (let round = 0; round < 21; round += 1) {
          const start = performance.now();
          const stytch = await startLocalStytch({ signingKey });
          times.push(performance.now() - start);
          await stytch.close();
        }
        console.log(times.sort((one, other) => one - other)[10].toFixed(1));
      })();`;
    const median = Number(run(alone, 'node', '-e', script));
    assert.ok(median <= 150, `${median} ms`);
    console.log(`# start: ${median} ms`);
  });

  for (const [moduleKind, resolution] of [
    ['node16', 'node16'],
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ]) {
    test(`has types for module ${moduleKind}, with and without the types of Node`, () => {
      writeFileSync(
        join(recipes, 'types.mts'),
        `import { startLocalStytch, type LocalStytch } from 'local-stytch';
         const stytch: LocalStytch = await startLocalStytch({ clients: [{ name: 'a', scopes: [] }] });
         const secret: string = stytch.env.CLIENT_SECRET;
         stytch.injectFault({ kind: 'status', status: 500 }).remove();
         // @ts-expect-error: a delay has milliseconds
         stytch.injectFault({ kind: 'delay' });
         await using another = await startLocalStytch({ port: secret.length });
         await another.mintToken({ exp: null });`,
      );
      for (const types of [['--types', 'node'], []]) {
        run(
          recipes,
          join(recipes, 'node_modules', '.bin', 'tsc'),
          '--noEmit',
          '--strict',
          '--skipLibCheck',
          'false',
          '--target',
          'es2022',
          '--lib',
          'es2022',
          '--module',
          moduleKind,
          '--moduleResolution',
          resolution,
          ...types,
          '--exactOptionalPropertyTypes',
          'types.mts',
        );
      }
    });
  }
});

describe('the recipes of the README', () => {
  test('node:test', () => {
    assert.match(run(recipes, 'node', '--test', 'node.test.mjs'), /pass 1/);
  });

  test('Jest', () => {
    run(recipes, 'npx', 'jest', '--rootDir', '.', 'jest.test.js');
  });

  test('Vitest', () => {
    run(recipes, 'npx', 'vitest', 'run', 'vitest.test.ts');
  });

  test('Vitest: its types', () => {
    run(
      recipes,
      'npx',
      'tsc',
      '--noEmit',
      '--strict',
      '--target',
      'es2022',
      '--module',
      'nodenext',
      '--skipLibCheck',
      'vitest.test.ts',
    );
  });

  test('the first lines', () => {
    assert.match(run(recipes, 'node', 'start.mjs'), /CLIENT_ID: 'm2m-client-test-/);
  });
});

describe('the command', () => {
  const npx = ['npx', 'local-stytch'];

  test('--help and --version', () => {
    assert.match(run(alone, ...npx, '--help'), /local-stytch exec/);
    const { version } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
    assert.equal(run(alone, ...npx, '--version').trim(), version);
  });

  test('runs until SIGTERM with the seed file of the README, saves its state and starts from it', async () => {
    writeFileSync(join(alone, 'seed.yaml'), codeBlocks().get('seed.yaml'));
    const first = await start('--seed', 'seed.yaml', '--export-on-exit', 'state.json');
    assert.equal(first.env.CLIENT_ID, 'orders');
    assert.equal((await token(first, 'a-secret-for-development')).status, 200);
    assert.equal(await first.stop(), 0);
    assert.equal(statSync(join(alone, 'state.json')).mode & 0o777, 0o600);
    assert.doesNotMatch(readFileSync(join(alone, 'state.json'), 'utf8'), /a-secret-for-development/);

    const second = await start('--import', 'state.json');
    const { access_token } = await (await token(second, 'a-secret-for-development')).json();
    const claims = JSON.parse(Buffer.from(access_token.split('.')[1], 'base64url'));
    assert.equal(claims.tenant, 'acme');
    assert.equal(await second.stop(), 0);
  });

  test('exec runs a test suite with the variables, and leaves nothing behind', () => {
    const before = readdirSync(recipes);
    writeFileSync(
      join(recipes, 'suite.test.mjs'),
      `import { test } from 'node:test';
       test('variables', async () => {
         const { STYTCH_BASE_URL, STYTCH_SECRET, CLIENT_SECRET } = process.env;
         if (!STYTCH_SECRET || !CLIENT_SECRET || !(await fetch(STYTCH_BASE_URL + '/local/health')).ok) throw new Error();
       });`,
    );

    run(recipes, ...npx, 'exec', '--', 'node', '--test', 'suite.test.mjs');

    rmSync(join(recipes, 'suite.test.mjs'));
    assert.deepEqual(readdirSync(recipes), before);
  });

  test('exec as npx local-stytch exec -- ends with the exit code of the command', () => {
    assert.equal(runAny(alone, ...npx, 'exec', '--', 'node', '-e', 'process.exit(3)').status, 3);
    assert.equal(runAny(alone, ...npx, 'exec', '--', 'no-such-command').status, 127);
  });

  test('refuses NODE_ENV=production', () => {
    const { status, stderr } = runAny(alone, 'env', 'NODE_ENV=production', ...npx);
    assert.equal(status, 1);
    assert.match(stderr, /NODE_ENV: is production/);
  });

  /** Starts the command on a free port, and reads its line of JSON. */
  async function start(...args) {
    const child = spawn(
      join(alone, 'node_modules', '.bin', 'local-stytch'),
      ['--port', '0', '--json', ...args],
      {
        cwd: alone,
        env: environment,
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    const [line] = await once(child.stdout, 'data');
    const ended = once(child, 'exit');
    const stop = async () => {
      child.kill('SIGTERM');
      return (await ended)[0];
    };
    return { ...JSON.parse(line), stop };
  }

  function token({ url, env }, secret) {
    const body = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: env.CLIENT_ID,
      client_secret: secret,
    });
    return fetch(`${url}/v1/public/${env.STYTCH_PROJECT_ID}/oauth2/token`, { method: 'POST', body });
  }
});

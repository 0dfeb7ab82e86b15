import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startLocalStytch } from 'local-stytch';
import { runFile, withServer } from './servers.mjs';

const snippets = join(import.meta.dirname, '..', 'snippets');
let stytch;

before(async () => {
  stytch = await startLocalStytch({
    clients: [{ name: 'payment-service', scopes: ['read:users'], claims: { team: 'payments' } }],
  });
});
after(() => stytch.close());

/** The NestJS recipe is TypeScript with decorators: it is compiled as a Nest project does it. */
function compileNest() {
  const folder = join(snippets, 'nest');
  mkdirSync(folder, { recursive: true });
  for (const name of ['app.module.ts', 'tsconfig.json']) {
    cpSync(join(import.meta.dirname, '..', 'fixtures', 'nest', name), join(folder, name));
  }
  writeFileSync(join(folder, 'package.json'), '{"type":"commonjs"}');
  cpSync(join(snippets, 'main.ts'), join(folder, 'main.ts'));
  cpSync(join(snippets, 'authorizer.mjs'), join(folder, 'authorizer.ts'));
  execFileSync(process.execPath, [tsc('typescript-6'), '--project', folder], { stdio: 'inherit' });
  return join(folder, 'main.js');
}

function tsc(name) {
  return createRequire(import.meta.url).resolve(`${name}/bin/tsc`);
}

/** Express 4 runs the recipe of Express 5 in a folder where `express` is version 4. */
function useExpress4() {
  const folder = join(snippets, 'express-4');
  mkdirSync(join(folder, 'node_modules'), { recursive: true });
  cpSync(join(snippets, '..', 'node_modules', 'express-4'), join(folder, 'node_modules', 'express'), {
    recursive: true,
  });
  for (const name of ['authorizer.mjs', 'express.mjs']) cpSync(join(snippets, name), join(folder, name));
  return join(folder, 'express.mjs');
}

const recipes = {
  'Express 5': () => join(snippets, 'express.mjs'),
  'Express 4': useExpress4,
  'Fastify 5': () => join(snippets, 'fastify.mjs'),
  Hono: () => join(snippets, 'hono.mjs'),
  Koa: () => join(snippets, 'koa.mjs'),
  NestJS: compileNest,
  'node:http': () => join(snippets, 'http.mjs'),
};

for (const [framework, prepare] of Object.entries(recipes)) {
  test(`The recipe for ${framework} allows, refuses, and answers 503 without keys`, async () => {
    const file = prepare();
    const token = await stytch.mintToken();
    const call = async (url, authorization) => {
      const response = await fetch(`${url}/balance`, {
        headers: { ...(authorization && { authorization }) },
      });
      return { status: response.status, headers: response.headers, body: await response.text() };
    };
    await withServer(file, stytch.env, async (url) => {
      const good = await call(url, `Bearer ${token}`);
      const none = await call(url);
      const bad = await call(url, 'Bearer garbage');
      const wrong = await call(url, `Bearer ${await stytch.mintToken({ scope: 'write:users' })}`);

      assert.equal(good.status, 200);
      assert.deepEqual(JSON.parse(good.body), { calledBy: stytch.env.CLIENT_ID });
      assert.equal(none.status, 401);
      assert.equal(none.headers.get('www-authenticate'), 'Bearer realm="wallet-server"');
      assert.equal(bad.status, 401);
      assert.equal(
        bad.headers.get('www-authenticate'),
        'Bearer realm="wallet-server", error="invalid_token"',
      );
      assert.equal(wrong.status, 403);
      assert.match(wrong.headers.get('www-authenticate'), /error="insufficient_scope", scope="read:users"$/);
      for (const { body } of [none, bad, wrong]) assert.doesNotMatch(body, /node_modules|stack/);
    });
    await withServer(file, { ...stytch.env, STYTCH_BASE_URL: 'http://127.0.0.1:9' }, async (url) => {
      const away = await call(url, `Bearer ${token}`);

      assert.equal(away.status, 503);
      assert.match(away.headers.get('retry-after'), /^\d+$/);
    });
  });
}

describe('The other snippets of the README', () => {
  const authorization = async (claims) => `Bearer ${await stytch.mintToken(claims)}`;
  test('three-lines.mjs', async () => {
    assert.deepEqual(await runFile(join(snippets, 'three-lines.mjs'), {}), { code: 0, output: '401\n' });
  });

  test('check.mjs', async () => {
    const run = async (claims) =>
      runFile(join(snippets, 'check.mjs'), { ...stytch.env, AUTHORIZATION: await authorization(claims) });

    assert.deepEqual(await run({ team: 'payments' }), { code: 0, output: '' });
    assert.deepEqual(await run({ team: 'other' }), { code: 0, output: '403 access_denied\n' });
  });

  for (const name of ['call.mjs', 'call-axios.mjs']) {
    test(`${name} calls the Express recipe`, async () => {
      await withServer(join(snippets, 'express.mjs'), stytch.env, async (url) => {
        const { code, output } = await runFile(join(snippets, name), {
          ...stytch.env,
          WALLET_SERVER_URL: url,
        });

        assert.match(output, new RegExp(`^200 \\{ calledBy: '${stytch.env.CLIENT_ID}' \\}$`, 'm'));
        assert.equal(code, 0);
      });
    });
  }

  test('rotate.mjs', async () => {
    const file = join(snippets, 'client-secret');
    const { id, secret } = await stytch.createClient({ name: 'rotated', scopes: ['read:users'] });
    writeFileSync(file, secret, { mode: 0o600 });

    const { code, output } = await runFile(join(snippets, 'rotate.mjs'), {
      ...stytch.env,
      CLIENT_ID: id,
      CLIENT_SECRET_FILE: file,
    });

    assert.match(output, /^rotated issued$/m);
    assert.equal(code, 0);
    assert.notEqual(readFileSync(file, 'utf8').split('\n')[0], secret);
  });
});

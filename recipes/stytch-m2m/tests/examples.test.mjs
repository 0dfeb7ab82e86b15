import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startLocalStytch } from 'local-stytch';
import { runFile } from './servers.mjs';

const require = createRequire(import.meta.url);
const ts = require('typescript-6');
const folder = join(import.meta.dirname, '..', 'snippets', 'examples');
const examples = readdirSync(folder).filter((name) => name.endsWith('.mts'));
let stytch;

before(async () => {
  stytch = await startLocalStytch();
});
after(() => stytch.close());

test('Each function, class and constant that the package exports has an example', () => {
  const paths = ['', '/fetch', '/axios', '/secret-store-contract'];
  const exported = paths.flatMap((path) => Object.keys(require(`stytch-m2m${path}`)));

  assert.deepEqual(examples.map((name) => name.replace('.mts', '')).sort(), exported.sort());
});

test('The examples are valid under strict settings', () => {
  const options = {
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2023,
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noEmit: true,
  };
  const program = ts.createProgram(
    examples.map((name) => join(folder, name)),
    options,
  );
  const found = ts.getPreEmitDiagnostics(program).filter(({ file }) => file?.fileName.includes('examples'));

  assert.deepEqual(
    found.map(({ file, messageText }) => `${file.fileName}: ${JSON.stringify(messageText)}`),
    [],
  );
});

for (const name of examples) {
  test(`The example of ${name.replace('.mts', '')} runs and writes what it says`, async () => {
    const source = readFileSync(join(folder, name), 'utf8');
    const { outputText } = ts.transpileModule(source, {
      compilerOptions: { module: ts.ModuleKind.ES2022, target: ts.ScriptTarget.ES2022 },
    });
    const file = join(folder, name.replace('.mts', '.mjs'));
    writeFileSync(file, outputText);

    const { code, output } = await runFile(file, {
      ...stytch.env,
      CLIENT_SECRET_FILE: join(folder, 'client-secret'),
      WALLET_SERVER_URL: stytch.url,
    });

    assert.equal(code, 0, output);
    // The SDK warns of each base URL that is not Stytch's.
    assert.doesNotMatch(output.replaceAll(/^\[Stytch\] Warning.*$/gm, ''), /Error:|Warning:/);
    const [, expected] = /console\.log\(.*; \/\/ (.+)$/m.exec(source) ?? [];
    if (expected !== undefined) assert.match(output, new RegExp(`^${expected}$`, 'm'));
  });
}

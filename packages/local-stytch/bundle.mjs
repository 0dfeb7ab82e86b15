// Bundles what is published: two files without dependencies, their types, the page of the console, and the licences of
// what is in them.
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { buildConsole } from './console/build.mjs';

const here = import.meta.dirname;
const output = join(here, 'bundle');
const bundledPackage = /^(?:.*\/)?node_modules\/((?:@[^/]+\/)?[^/]+)\//;

rmSync(output, { recursive: true, force: true });
mkdirSync(output);
const { metafile } = await build({
  absWorkingDir: here,
  entryPoints: ['src/index.ts', 'src/cli.ts'],
  outdir: output,
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  format: 'cjs',
  conditions: ['source'],
  minifySyntax: true,
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
});

await buildConsole(join(output, 'console'));

// These declarations import no other package.
for (const name of ['index', 'api', 'startLocalStytch']) {
  cpSync(join(here, 'dist', `${name}.d.ts`), join(output, `${name}.d.ts`));
}

// The packages of the page; those of the two files are found below.
const pagePackages = ['preact', '@preact/signals', '@preact/signals-core'];
const folders = new Map(pagePackages.map((name) => [name, join(here, '..', '..', 'node_modules', name)]));
const inputs = Object.values(metafile.outputs).flatMap((file) => Object.entries(file.inputs));
for (const [input, { bytesInOutput }] of inputs) {
  if (bytesInOutput === 0) continue;
  const [folder, name] = bundledPackage.exec(input) ?? [];
  if (name !== undefined) folders.set(name, join(here, folder));
}
writeFileSync(join(output, 'THIRD_PARTY_LICENSES.txt'), [...folders].sort().map(describeLicense).join('\n'));

function describeLicense([name, folder]) {
  const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file === undefined ? '' : readFileSync(join(folder, file), 'utf8').trim();
  return `${'='.repeat(80)}\n${name} ${version}, licence: ${license}\n\n${text}\n`;
}

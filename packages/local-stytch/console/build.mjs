// Builds the console's page: index.html, app.js and app.css. All that the browser loads is in these three files.
import { copyFileSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { argv } from 'node:process';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const here = import.meta.dirname;
const maxCompressedBytes = 150_000;

/** Writes the page into a folder. Returns esbuild's metafile, which says what is in it. */
export async function buildConsole(outputFolder) {
  const { metafile } = await build({
    absWorkingDir: dirname(here),
    entryPoints: { app: 'console/main.tsx' },
    outdir: outputFolder,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
  });
  copyFileSync(join(here, 'index.html'), join(outputFolder, 'index.html'));
  const bytes = ['index.html', 'app.js', 'app.css']
    .map((name) => gzipSync(readFileSync(join(outputFolder, name))).length)
    .reduce((sum, length) => sum + length);
  if (bytes > maxCompressedBytes) throw new Error(`The page has ${bytes} bytes compressed: too many.`);
  return metafile;
}

if (argv[1] === import.meta.filename) await buildConsole(join(here, '..', 'bundle', 'console'));

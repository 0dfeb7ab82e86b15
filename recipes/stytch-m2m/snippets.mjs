import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Writes the code blocks of the README into files, named as their first line says, and each `@example` of the sources
 * into `examples/`. @param folder where the package is installed.
 */
export function writeSnippets(folder, target) {
  mkdirSync(join(target, 'examples'), { recursive: true });
  for (const [, code] of read(folder, 'README.md').matchAll(/^```[jt]s\n([^]*?)^```$/gm)) {
    const [, name] = /^\/\/ ([\w-]+\.\w+)\n/.exec(code) ?? [];
    if (name === undefined)
      throw new Error(`This snippet of the README does not begin with its name:\n${code}`);
    writeFileSync(join(target, name), code);
  }
  for (const path of readdirSync(join(folder, 'src'), { recursive: true, encoding: 'utf8' })) {
    if (!path.endsWith('.ts')) continue;
    for (const [, example, name] of read(folder, 'src', path).matchAll(
      /@example\n((?: \*.*\n)+?) \*\/\nexport (?:(?:abstract|async) )?\w+ (\w+)/g,
    )) {
      writeFileSync(join(target, 'examples', `${name}.mts`), example.replaceAll(/^ \* ?/gm, ''));
    }
  }
}

function read(...path) {
  return readFileSync(join(...path), 'utf8');
}

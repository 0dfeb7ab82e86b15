import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../tools/dist/program';

interface Entry {
  version?: string;
  /** Whether it is a workspace, whose folder is `resolved`. */
  link?: boolean;
  resolved?: string;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
}

/** The packages of a package-lock.json, by their folders. */
export type Lockfile = Readonly<Record<string, Entry>>;

/** Reads the packages that are installed at the root and in bench/. */
export function readLockfile(): Lockfile {
  const read = (...path: string[]) => {
    const text = readFileSync(join(root, ...path, 'package-lock.json'), 'utf8');
    return Object.entries((JSON.parse(text) as { packages: Lockfile }).packages);
  };
  const ofBench = read('bench').map(([folder, entry]) => [join('bench', folder), entry] as const);
  return Object.fromEntries([...read(), ...ofBench]);
}

/** The number of packages that npm installs in production, and their size. */
export function installOf(lockfile: Lockfile, what: string | readonly string[]) {
  const folders = [...(typeof what === 'string' ? closure(lockfile, what) : closureOf(lockfile, what))];
  const fetched = folders.filter((folder) => folder.includes('node_modules/'));
  const own = folders.filter((folder) => !folder.includes('node_modules/'));
  const sizes = [...fetched, ...own.map((folder) => join(folder, 'dist'))].map((folder) =>
    sizeOf(join(root, folder)),
  );
  return { packages: fetched.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

/** The version of a package that bench/ uses. */
export function versionOf(lockfile: Lockfile, name: string): string {
  return lockfile[resolve(lockfile, 'bench', name) ?? '']?.version ?? 'not installed';
}

/** The folders of some packages in bench/ and of all their dependencies. */
export function closureOf(lockfile: Lockfile, names: readonly string[]): ReadonlySet<string> {
  const seen = new Set<string>();
  for (const name of names) {
    const folder = resolve(lockfile, 'bench', name);
    if (folder !== undefined) closure(lockfile, folder, seen);
  }
  return seen;
}

/** A folder of the lockfile and the folders of all its production dependencies, including peers, as npm installs them. */
export function closure(lockfile: Lockfile, folder: string, seen = new Set<string>()): ReadonlySet<string> {
  if (seen.has(folder)) return seen;
  seen.add(folder);
  const { dependencies, optionalDependencies, peerDependencies, peerDependenciesMeta } =
    lockfile[folder] ?? {};
  const peers = Object.keys(peerDependencies ?? {}).filter((name) => !peerDependenciesMeta?.[name]?.optional);
  for (const name of Object.keys({ ...dependencies, ...optionalDependencies }).concat(peers)) {
    const needed = resolve(lockfile, folder, name);
    if (needed !== undefined) closure(lockfile, needed, seen);
  }
  return seen;
}

/** The folder in which Node finds a package when a module in `from` imports it. Undefined if it is not installed. */
function resolve(lockfile: Lockfile, from: string, name: string): string | undefined {
  for (let at = from; ; at = parentOf(at)) {
    const folder = `${at === '' ? '' : `${at}/`}node_modules/${name}`;
    const entry = lockfile[folder];
    if (entry) return entry.link ? entry.resolved : folder;
    if (at === '') return undefined;
  }
}

function parentOf(folder: string): string {
  const nested = folder.lastIndexOf('/node_modules/');
  return nested === -1 ? '' : folder.slice(0, nested);
}

/** The size of the files in a folder, without its node_modules. Bytes. */
function sizeOf(folder: string): number {
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => name !== 'node_modules')
    .map((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? sizeOf(path) : statSync(path).size;
    })
    .reduce((sum, size) => sum + size, 0);
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { repository } from './images';

const kubernetes = join(repository, 'deploy', 'kubernetes');

type Fields = Record<string, unknown>;

/** The fields that every kind of Kubernetes object has. */
export interface Manifest extends Fields {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string> };
  spec?: unknown;
  immutable?: boolean;
  data?: Record<string, string>;
}

/** The part of Kustomize that is used here and that `render` supports. */
interface Kustomization {
  apiVersion: string;
  kind: string;
  namespace?: string;
  resources: string[];
  images?: { name: string; newName?: string; newTag?: string; digest?: string }[];
  configMapGenerator?: { name: string; literals: string[]; options?: { immutable?: boolean } }[];
  patches?: { path: string }[];
}

const supported = ['apiVersion', 'kind', 'namespace', 'resources', 'images', 'configMapGenerator', 'patches'];

/** Kustomize replaces lists of custom resources, and lists without a merge key. */
const replacedLists = ['Certificate', 'NetworkPolicy'];

/**
 * Renders an overlay as `kubectl kustomize` does, except for the order of the objects and the hash in the name of a
 * generated ConfigMap. It supports only what is used here: patches that set fields, and replace the lists of the kinds
 * in `replacedLists`.
 *
 * @param folder below deploy/kubernetes.
 * @param morePatches paths of patches, from that folder.
 * @throws Error for anything that it does not support.
 */
export function render(folder: string, morePatches: readonly string[] = []): Manifest[] {
  const kustomization = parse(readText(folder, 'kustomization.yaml')) as Kustomization;
  const unknown = Object.keys(kustomization).filter((name) => !supported.includes(name));
  if (unknown.length > 0) throw new Error(`This test does not support ${unknown.join(', ')} of Kustomize`);
  const { resources, configMapGenerator = [], patches = [], images = [], namespace } = kustomization;
  const manifests = [
    ...resources.flatMap((one) =>
      one.endsWith('.yaml') ? readManifests(folder, one) : render(join(folder, one)),
    ),
    ...configMapGenerator.map(generateConfigMap),
  ];
  const paths = [...patches.map(({ path }) => path), ...morePatches];
  for (const patch of paths.flatMap((path) => readManifests(folder, path))) {
    const target = manifests.find(
      (one) => one.kind === patch.kind && one.metadata.name === patch.metadata.name,
    );
    if (!target) throw new Error(`There is no ${patch.kind} ${patch.metadata.name} to patch`);
    setFields(target, patch, replacedLists.includes(patch.kind));
  }
  const renamed = JSON.stringify(manifests, (key, value: unknown) => {
    const image = key === 'image' && images.find(({ name }) => name === value);
    if (!image) return value;
    const { name, newName = name, newTag = 'latest', digest } = image;
    return digest === undefined ? `${newName}:${newTag}` : `${newName}@${digest}`;
  });
  return (JSON.parse(renamed) as Manifest[]).map((one) =>
    namespace === undefined || one.kind === 'Namespace'
      ? one
      : { ...one, metadata: { ...one.metadata, namespace } },
  );
}

function readText(folder: string, name: string): string {
  return readFileSync(join(kubernetes, folder, name), 'utf8');
}

export function readManifests(folder: string, name: string): Manifest[] {
  return parseAllDocuments(readText(folder, name)).map((document) => {
    if (document.errors[0]) throw document.errors[0];
    return document.toJS() as Manifest;
  });
}

function generateConfigMap({
  name,
  literals,
  options,
}: NonNullable<Kustomization['configMapGenerator']>[number]): Manifest {
  const data = Object.fromEntries(literals.map((literal) => literal.split('=')));
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, ...options, data };
}

function setFields(target: Fields, patch: Fields, mayReplaceLists: boolean): void {
  for (const [name, value] of Object.entries(patch)) {
    if (Array.isArray(value) && !mayReplaceLists) throw new Error(`This test cannot patch the list ${name}`);
    const old = target[name];
    if (isFields(value) && isFields(old)) setFields(old, value, mayReplaceLists);
    else target[name] = value;
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

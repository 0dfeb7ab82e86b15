import { join } from 'node:path';
import ts from 'typescript';
import type { Manifest } from './kustomize';

/**
 * Validates objects of Kubernetes, cert-manager and the Prometheus Operator against their published JSON schemas.
 *
 * @returns a line for each invalid object.
 */
export function schemaErrors(manifests: readonly Manifest[]): string[] {
  return manifests.flatMap((manifest) => {
    const { kind } = manifest;
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- the manifest determines the name
    const models = require(modelModule(manifest)) as Record<
      string,
      new (data: Manifest) => { validate(): void }
    >;
    const Model = models[kind];
    if (!Model) throw new Error(`There is no schema for ${kind}`);
    try {
      new Model(manifest).validate();
      return [];
    } catch (error) {
      return [`${kind} ${manifest.metadata.name}: ${(error as Error).message}`];
    }
  });
}

/**
 * Finds unknown fields, such as misspelled ones. The schemas allow them; the TypeScript compiler reports them, because
 * the types that are generated from the schemas do not have them.
 *
 * @returns the messages of the compiler.
 */
export function unknownFields(manifests: readonly Manifest[]): string[] {
  const path = join(__dirname, 'manifests.generated.ts');
  const source = manifests
    .map(
      (manifest, index) =>
        `import type { I${manifest.kind} as Type${index} } from ${JSON.stringify(modelModule(manifest))};\n` +
        `export const manifest${index}: Type${index} = ${JSON.stringify(manifest)};\n`,
    )
    .join('');
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.Node20,
  };
  const host = ts.createCompilerHost(options);
  const withSource: ts.CompilerHost = {
    ...host,
    fileExists: (name) => name === path || host.fileExists(name),
    getSourceFile: (name, version, ...rest) =>
      name === path ? ts.createSourceFile(name, source, version) : host.getSourceFile(name, version, ...rest),
  };
  const program = ts.createProgram([path], options, withSource);
  return ts
    .getPreEmitDiagnostics(program)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}

/** The libraries of custom resources, by their API group. */
const libraries: Readonly<Record<string, string>> = {
  'cert-manager.io': '@kubernetes-models/cert-manager',
  'monitoring.coreos.com': '@kubernetes-models/prometheus-operator',
};

function modelModule({ apiVersion, kind }: Manifest): string {
  const [group = ''] = apiVersion.split('/');
  return `${libraries[group] ?? 'kubernetes-models'}/${apiVersion}/${kind}`;
}

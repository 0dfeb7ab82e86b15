import type { IDeployment } from 'kubernetes-models/apps/v1/Deployment';
import type { ICronJob } from 'kubernetes-models/batch/v1/CronJob';
import type { IContainer } from 'kubernetes-models/v1/Container';
import type { IPodTemplateSpec } from 'kubernetes-models/v1/PodTemplateSpec';
import type { Manifest } from './kustomize';

export type Pod = NonNullable<IPodTemplateSpec['spec']>;

/** A Deployment or CronJob, which runs pods. */
export interface Workload {
  readonly kind: 'Deployment' | 'CronJob';
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly pod: Pod;
  /** The init containers and the containers. */
  readonly containers: readonly IContainer[];
}

/** The manifests of a kind, as a type that the caller chooses. */
export function ofKind<Type>(manifests: readonly Manifest[], kind: string): Type[] {
  return manifests.filter((manifest) => manifest.kind === kind) as unknown[] as Type[];
}

export function workloads(manifests: readonly Manifest[]): Workload[] {
  return [
    ...ofKind<IDeployment>(manifests, 'Deployment').map(({ metadata, spec }) =>
      workload('Deployment', metadata?.name, spec?.template),
    ),
    ...ofKind<ICronJob>(manifests, 'CronJob').map(({ metadata, spec }) =>
      workload('CronJob', metadata?.name, spec?.jobTemplate.spec?.template),
    ),
  ];
}

function workload(kind: Workload['kind'], name = '', template?: IPodTemplateSpec): Workload {
  const pod = template?.spec;
  if (!pod) throw new Error(`${kind} ${name} has no pod template`);
  const containers = [...(pod.initContainers ?? []), ...pod.containers];
  return { kind, name, labels: template.metadata?.labels ?? {}, pod, containers };
}

/** The environment variables whose values are in the manifest. */
export function environment({ env = [] }: IContainer): Record<string, string> {
  return Object.fromEntries(env.map(({ name, value = '' }) => [name, value]));
}

/** The name of the Secret that is mounted at a folder of a container. Undefined if there is none. */
export function secretAt(folder: string, container: IContainer, { volumes = [] }: Pod): string | undefined {
  const mount = container.volumeMounts?.find(({ mountPath }) => mountPath === folder);
  return volumes.find(({ name }) => name === mount?.name)?.secret?.secretName;
}

/** Whether a label selector matches labels. */
export function selects(
  selector: { matchLabels?: Record<string, string> } | undefined,
  labels: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(selector?.matchLabels ?? {}).every(([name, value]) => labels[name] === value);
}

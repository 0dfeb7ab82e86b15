import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { ICertificate } from '@kubernetes-models/cert-manager/cert-manager.io/v1/Certificate';
import type { IRole } from 'kubernetes-models/rbac.authorization.k8s.io/v1/Role';
import type { IRoleBinding } from 'kubernetes-models/rbac.authorization.k8s.io/v1/RoleBinding';
import { repository } from './images';
import { render } from './kustomize';
import { environment, ofKind, secretAt, workloads } from './workloads';

describe.each(['staging', 'production'])('The secrets of the overlay %s', (overlay) => {
  const manifests = render(join('overlays', overlay));
  const all = workloads(manifests);
  const containers = all.flatMap((one) => one.containers);
  const certificates = ofKind<ICertificate>(manifests, 'Certificate');
  const named = (name: string) => all.find((one) => one.name === name)!;

  test('has neither a namespace nor a Secret, which `kubectl delete -k` would delete', () => {
    expect(manifests.filter(({ kind }) => ['Namespace', 'Secret'].includes(kind))).toEqual([]);
  });

  test('contains no secret, only the names of those that the README says to create', () => {
    const readme = readFileSync(join(repository, 'deploy', 'README.md'), 'utf8');
    const issued = certificates.map(({ spec }) => spec.secretName);
    const mounted = all.flatMap(({ pod }) => (pod.volumes ?? []).map(({ secret }) => secret?.secretName));
    const read = containers.flatMap(({ envFrom = [] }) => envFrom.map(({ secretRef }) => secretRef?.name));
    const rotated = ofKind<IRole>(manifests, 'Role').flatMap(({ rules }) =>
      (rules ?? []).flatMap(({ resourceNames = [] }) => resourceNames),
    );
    const toCreate = [...mounted, ...read, ...rotated].filter(
      (name) => name !== undefined && !issued.includes(name),
    );

    expect(manifests.flatMap(({ data }) => Object.keys(data ?? {})).sort()).toEqual([
      'CLIENT_ID',
      'OPERATOR_CLIENT_ID',
      'STYTCH_PROJECT_ID',
    ]);
    expect(
      containers.flatMap((one) => Object.keys(environment(one))).filter((name) => /SECRET$/.test(name)),
    ).toEqual([]);
    expect(new Set(toCreate)).toEqual(
      new Set(['stytch-secret', 'payment-client-secret', 'operator-client-secret']),
    );
    expect(
      [...new Set(toCreate)].filter((name) => !readme.includes(`create secret generic ${name} `)),
    ).toEqual([]);
  });

  test('lets every user of a pod read its mounted Secrets', () => {
    const secrets = all.flatMap(({ pod }) => (pod.volumes ?? []).map(({ secret }) => secret));

    expect(secrets.filter((secret) => secret?.defaultMode !== 0o444)).toEqual([]);
  });

  test.each([
    ['rotate-client-secret', 'payment-client-secret', 'CLIENT_SECRET_NAME'],
    ['rotate-operator-secret', 'operator-client-secret', 'OPERATOR_CLIENT_SECRET_NAME'],
  ])('lets %s read and change %s, and nothing else', (name, secret, variable) => {
    const roles = ofKind<IRole>(manifests, 'Role').filter(({ metadata }) => metadata?.name === name);
    const bindings = ofKind<IRoleBinding>(manifests, 'RoleBinding').filter(
      ({ metadata }) => metadata?.name === name,
    );
    const [container] = named(name).pod.containers;

    expect(roles.map(({ rules }) => rules)).toEqual([
      [{ apiGroups: [''], resources: ['secrets'], resourceNames: [secret], verbs: ['get', 'patch'] }],
    ]);
    expect(bindings).toMatchObject([
      { roleRef: { kind: 'Role', name }, subjects: [{ kind: 'ServiceAccount', name }] },
    ]);
    expect(environment(container!)[variable]).toBe(secret);
    expect(ofKind(manifests, 'ClusterRole')).toEqual([]);
    expect(container?.command?.slice(-2)).toEqual(
      name === 'rotate-operator-secret' ? ['--client', 'operator'] : undefined,
    );
  });

  test('mounts the client secret in every payment-server, as a file that it follows', () => {
    const { pod } = named('payment-server');
    const { CLIENT_SECRET_FILE: file = '', CLIENT_SECRET_READ_ONLY } = environment(pod.containers[0]!);
    const mount = pod.containers[0]!.volumeMounts?.find(({ mountPath }) => mountPath === dirname(file));

    expect(secretAt(dirname(file), pod.containers[0]!, pod)).toBe('payment-client-secret');
    expect(basename(file)).toBe('client-secret');
    expect(mount).toEqual({ name: 'client-secret', mountPath: dirname(file), readOnly: true }); // No subPath.
    expect(CLIENT_SECRET_READ_ONLY).toBe('true');
    expect(ofKind(manifests, 'PersistentVolumeClaim')).toEqual([]);
  });
});

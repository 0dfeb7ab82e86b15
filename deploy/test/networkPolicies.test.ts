import { join } from 'node:path';
import type { INetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy';
import { schemaErrors } from './kubernetesSchemas';
import { render } from './kustomize';
import { ofKind, selects, type Workload, workloads } from './workloads';

const manifests = render(join('overlays', 'production'));
const all = workloads(manifests);
const policies = ofKind<INetworkPolicy>(manifests, 'NetworkPolicy');

type Direction = 'Ingress' | 'Egress';

/** The peers and ports of a workload in one direction: what the policies that select its pods allow together. */
function allowed({ labels }: Workload, direction: Direction): string[] {
  const applying = policies.filter(({ spec }) => selects(spec?.podSelector, labels));
  const ends = applying.flatMap(({ spec }) => [
    ...(direction === 'Ingress'
      ? (spec?.ingress ?? []).map(({ from, ports }) => ({ peers: from, ports }))
      : []),
    ...(direction === 'Egress' ? (spec?.egress ?? []).map(({ to, ports }) => ({ peers: to, ports })) : []),
  ]);
  return ends
    .flatMap(({ peers = [{}], ports = [{}] }) =>
      peers.flatMap(({ ipBlock, namespaceSelector, podSelector }) =>
        ports.map(({ port = 'any port', protocol = '' }) => {
          const labels = { ...namespaceSelector?.matchLabels, ...podSelector?.matchLabels };
          return `${ipBlock?.cidr ?? (Object.values(labels).join('/') || 'anybody')} ${port} ${protocol}`;
        }),
      ),
    )
    .sort();
}

const stytch = [
  '0.0.0.0/0 443 TCP',
  '::/0 443 TCP',
  'kube-system/kube-dns 53 TCP',
  'kube-system/kube-dns 53 UDP',
];
const apiServer = ['anybody 443 TCP', 'anybody 6443 TCP'];

describe('The network policies', () => {
  test('deny by default, in both directions', () => {
    expect(policies).toContainEqual(
      expect.objectContaining({ spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'] } }),
    );
  });

  test.each([
    ['wallet-server', ['monitoring 8081 TCP', 'payment-server 4000 TCP']],
    ['payment-server', ['gateway 6000 TCP', 'monitoring 8081 TCP']],
    ['rotate-client-secret', []],
    ['rotate-operator-secret', []],
  ])('allow calls to %s only from %j', (name, callers) => {
    expect(
      allowed(
        all.find((one) => one.name === name)!,
        'Ingress',
      ),
    ).toEqual(callers);
  });

  test.each([
    ['wallet-server', []],
    ['payment-server', ['wallet-server 4000 TCP']],
    ['rotate-client-secret', apiServer],
    ['rotate-operator-secret', apiServer],
  ])('allow %s to call only Stytch and %j', (name, called) => {
    expect(
      allowed(
        all.find((one) => one.name === name)!,
        'Egress',
      ),
    ).toEqual([...stytch, ...called].sort());
  });

  test('exclude private addresses from the rule that allows calls to Stytch', () => {
    const blocks = policies.flatMap(({ spec }) =>
      (spec?.egress ?? []).flatMap(({ to = [] }) => to.flatMap(({ ipBlock }) => (ipBlock ? [ipBlock] : []))),
    );

    expect(blocks).toEqual([
      {
        cidr: '0.0.0.0/0',
        except: ['10.0.0.0/8', '100.64.0.0/10', '169.254.0.0/16', '172.16.0.0/12', '192.168.0.0/16'],
      },
      { cidr: '::/0', except: ['fc00::/7', 'fe80::/10'] },
    ]);
  });

  test('name only pods and ports that exist', () => {
    const ours = policies.flatMap(({ spec }) => [
      ...(spec?.podSelector.matchLabels ? [spec.podSelector] : []),
      ...(spec?.ingress ?? []).flatMap(({ from = [] }) => from.flatMap((one) => one.podSelector ?? [])),
      ...(spec?.egress ?? []).flatMap(({ to = [] }) =>
        to.flatMap((one) => (one.namespaceSelector ? [] : (one.podSelector ?? []))),
      ),
    ]);

    expect(ours.filter((selector) => !all.some(({ labels }) => selects(selector, labels)))).toEqual([]);
    for (const name of ['wallet-server', 'payment-server']) {
      const ports = all.find((one) => one.name === name)!.pod.containers[0]!.ports;
      const numbers = ports?.map(({ containerPort }) => containerPort);
      const policy = policies.find(({ metadata }) => metadata?.name === name);
      const allowedPorts = policy?.spec?.ingress?.flatMap((one) => (one.ports ?? []).map(({ port }) => port));

      expect(allowedPorts).toEqual(numbers);
    }
  });

  test('name no port: some network plugins resolve names wrongly', () => {
    const ports = policies.flatMap(({ spec }) =>
      [...(spec?.ingress ?? []), ...(spec?.egress ?? [])].flatMap((one) => one.ports ?? []),
    );

    expect(ports.filter(({ port }) => typeof port !== 'number')).toEqual([]);
  });

  test('allow the DNS of OpenShift, with the patch for it', () => {
    const patched = render(join('overlays', 'production'), ['../../options/openshift-dns.yaml']);
    const dns = ofKind<INetworkPolicy>(patched, 'NetworkPolicy').find(
      ({ metadata }) => metadata?.name === 'dns',
    );

    expect(schemaErrors(patched)).toEqual([]);
    expect(dns?.spec?.podSelector).toEqual({});
    expect(dns?.spec?.egress?.flatMap((one) => one.ports)).toEqual([
      { port: 5353, protocol: 'UDP' },
      { port: 5353, protocol: 'TCP' },
    ]);
  });
});

import { join } from 'node:path';
import type { ICertificate } from '@kubernetes-models/cert-manager/cert-manager.io/v1/Certificate';
import type { IDeployment } from 'kubernetes-models/apps/v1/Deployment';
import type { IHorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler';
import type { IPodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import type { IService } from 'kubernetes-models/v1/Service';
import { readDockerfile } from './images';
import { schemaErrors, unknownFields } from './kubernetesSchemas';
import { readManifests, render } from './kustomize';
import { isKnownSetting } from './settings';
import { environment, ofKind, secretAt, selects, workloads } from './workloads';

const overlays = ['staging', 'production'];

test('no overlay has a field that is unknown to Kubernetes or cert-manager', () => {
  expect(unknownFields(overlays.flatMap((overlay) => render(join('overlays', overlay))))).toEqual([]);
}, 60_000);

describe.each(overlays)('The overlay %s', (overlay) => {
  const manifests = render(join('overlays', overlay));
  const namespace = `stytch-m2m-${overlay}`;
  const all = workloads(manifests);
  const servers = all.filter(({ kind }) => kind === 'Deployment');
  const containers = all.flatMap((one) => one.containers);
  const services = ofKind<IService>(manifests, 'Service');
  const certificates = ofKind<ICertificate>(manifests, 'Certificate');
  const named = (name: string) => all.find((one) => one.name === name)!;

  test('is valid under the schemas of Kubernetes and cert-manager', () => {
    expect(schemaErrors(manifests)).toEqual([]);
  });

  test('runs two servers and two rotation jobs, in a namespace that enforces the restricted profile', () => {
    expect(all.map(({ kind, name }) => `${kind} ${name}`).sort()).toEqual([
      'CronJob rotate-client-secret',
      'CronJob rotate-operator-secret',
      'Deployment payment-server',
      'Deployment wallet-server',
    ]);
    expect(readManifests(join('overlays', overlay), 'namespace.yaml')).toMatchObject([
      { metadata: { name: namespace, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } } },
    ]);
    expect(manifests.filter(({ metadata }) => metadata.namespace !== namespace)).toEqual([]);
  });

  test('gives every pod its own service account, a user without rights, and the pull secret of a private registry', () => {
    for (const { name, pod, kind } of all) {
      // Only the jobs call the API server.
      expect(pod).toMatchObject({
        serviceAccountName: name,
        automountServiceAccountToken: kind === 'CronJob',
      });
      expect(manifests).toContainEqual(
        expect.objectContaining({
          kind: 'ServiceAccount',
          metadata: { name, namespace },
          automountServiceAccountToken: false,
          imagePullSecrets: [{ name: 'registry-credentials' }],
        }),
      );
      // OpenShift refuses a fixed user or group: it sets those of the namespace's range.
      expect(pod.securityContext).toEqual({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
      expect(pod).not.toHaveProperty('hostNetwork');
    }
  });

  test('gives every container a read-only file system, no capabilities, resource limits, and an image with a tag or digest', () => {
    const quantity = { cpu: expect.any(String), memory: expect.any(String) };
    for (const { securityContext, resources, image } of containers) {
      expect(securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      expect(resources).toEqual({ requests: quantity, limits: quantity });
      expect(image).toMatch(
        overlay === 'production'
          ? /^[\w.]+\/stytch-m2m\/(wallet-server|payment-server|rotate-client-secret)@sha256:[\da-f]{64}$/
          : /^[\w.]+\/stytch-m2m\/(wallet-server|payment-server|rotate-client-secret):\d[\w.]+$/,
      );
    }
  });

  test.each(servers)('probes liveness and readiness of $name on its health port', (server) => {
    const [container] = server.pod.containers;
    const health = container!.ports?.find(({ name }) => name === 'health')?.containerPort;
    const https = container!.ports?.find(({ name }) => name === 'https')?.containerPort;
    const image = readDockerfile().map(String).join('\n').split(`AS ${server.name}\n`)[1];

    expect(String(health)).toBe(environment(container!)['HEALTH_PORT']);
    expect(String(https)).toBe(/ENV PORT=(\d+)/.exec(image ?? '')?.[1]);
    expect(container).toMatchObject({
      startupProbe: { httpGet: { path: '/healthz', port: 'health' } },
      livenessProbe: { httpGet: { path: '/healthz', port: 'health' } },
      readinessProbe: { httpGet: { path: '/readyz', port: 'health' } },
    });
  });

  test.each(servers)(
    'lets $name finish: 5 s until load balancers have removed it, then 10 s for its requests',
    ({ pod }) => {
      const { SHUTDOWN_DELAY_SECONDS: seconds } = environment(pod.containers[0]!);

      expect(seconds).toBe('5');
      expect(pod.containers[0]).not.toHaveProperty('lifecycle');
      expect(pod.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(Number(seconds) + 10 + 5);
    },
  );

  test.each(servers)(
    'runs at least two replicas of $name on different nodes, and replaces one only after a new one is ready',
    ({ name, labels, pod }) => {
      const { spec } = ofKind<IDeployment>(manifests, 'Deployment').find(
        ({ metadata }) => metadata?.name === name,
      )!;
      const scaler = ofKind<IHorizontalPodAutoscaler>(manifests, 'HorizontalPodAutoscaler').find(
        (one) => one.spec?.scaleTargetRef.name === name,
      );
      const budgets = ofKind<IPodDisruptionBudget>(manifests, 'PodDisruptionBudget').filter((one) =>
        selects(one.spec?.selector, labels),
      );

      expect(scaler?.spec?.scaleTargetRef).toEqual({ apiVersion: 'apps/v1', kind: 'Deployment', name });
      expect(scaler?.spec?.minReplicas).toBeGreaterThanOrEqual(2);
      expect(scaler?.spec?.maxReplicas).toBeGreaterThan(scaler?.spec?.minReplicas ?? Infinity);
      expect(scaler?.spec?.metrics?.map(({ resource }) => resource?.target)).toEqual([
        { type: 'Utilization', averageUtilization: 80 },
      ]);
      expect(pod.containers[0]!.resources?.requests?.['cpu']).toBe('500m');
      expect(spec).not.toHaveProperty('replicas'); // `kubectl apply` would undo the autoscaler's changes.
      expect(spec?.strategy?.rollingUpdate?.maxUnavailable).toBe(0);
      expect(spec?.selector).toEqual({ matchLabels: labels });
      expect(budgets.map((one) => one.spec?.maxUnavailable)).toEqual([1]);
      expect(pod.topologySpreadConstraints?.map(({ topologyKey }) => topologyKey)).toEqual([
        'kubernetes.io/hostname',
        'topology.kubernetes.io/zone',
      ]);
      for (const { labelSelector } of pod.topologySpreadConstraints ?? [])
        expect(labelSelector).toEqual({ matchLabels: labels });
    },
  );

  test.each(services)('routes the Service $metadata.name to pods that have its port', ({ spec }) => {
    const selected = servers.filter(({ labels }) => selects({ matchLabels: spec?.selector ?? {} }, labels));
    const ports = selected.flatMap(({ pod }) => pod.containers[0]!.ports ?? []);

    expect(selected).toHaveLength(1);
    for (const { port, targetPort } of spec?.ports ?? []) {
      expect(ports).toContainEqual({ name: targetPort, containerPort: port });
    }
  });

  test('makes every caller use https to a Service whose name is in the certificate of its pods', () => {
    const addresses = containers.flatMap((one) =>
      Object.entries(environment(one)).flatMap(([name, value]) =>
        name.endsWith('_URL') ? [new URL(value)] : [],
      ),
    );

    expect(addresses.map(({ host }) => host)).toEqual(['wallet-server:4000']);
    for (const { protocol, hostname, port } of addresses) {
      expect(protocol).toBe('https:');
      const service = services.find(({ metadata }) => metadata?.name === hostname);
      expect(service?.spec?.ports?.map((one) => [one.name, String(one.port)])).toEqual([
        ['https', port],
        ['health', '8081'],
      ]);
      const certificate = certificates.find(({ spec }) => spec.dnsNames?.includes(hostname));
      expect(certificate?.spec.usages).toContain('server auth');
      expect(secretAt('/run/secrets/tls', named(hostname).pod.containers[0]!, named(hostname).pod)).toBe(
        certificate?.spec.secretName,
      );
    }
  });

  test.each(servers)('issues a certificate for each name by which $name is called', ({ name }) => {
    const certificate = certificates.find(({ metadata }) => metadata?.name === name);

    expect(certificate?.spec.dnsNames).toEqual([name, `${name}.${namespace}`, `${name}.${namespace}.svc`]);
  });

  test('replaces the pods when a setting changes', () => {
    const [settings] = manifests.filter(({ kind }) => kind === 'ConfigMap');

    expect(settings?.immutable).toBe(true);
    for (const { envFrom } of containers) {
      expect(envFrom).toEqual([{ configMapRef: { name: settings?.metadata.name } }]);
    }
  });

  test.each(servers)(
    'gives $name a certificate of the shared CA, in the files that cert-manager writes',
    ({ pod }) => {
      const container = pod.containers[0]!;
      const { TLS_CERT_FILE, TLS_KEY_FILE, TLS_CA_FILE } = environment(container);
      const certificate = certificates.find(
        ({ spec }) => spec.secretName === secretAt('/run/secrets/tls', container, pod),
      );

      expect([TLS_CERT_FILE, TLS_KEY_FILE, TLS_CA_FILE]).toEqual(
        ['tls.crt', 'tls.key', 'ca.crt'].map((file) => `/run/secrets/tls/${file}`),
      );
      expect(certificate?.spec.issuerRef).toEqual({ kind: 'Issuer', name: 'certificate-authority' });
      expect(manifests).toContainEqual(
        expect.objectContaining({ kind: 'Issuer', spec: { ca: { secretName: 'certificate-authority' } } }),
      );
    },
  );

  test('allows only the payment-server to call the wallet-server, by the name in one client certificate', () => {
    const names = environment(named('wallet-server').pod.containers[0]!)['ALLOWED_CLIENT_NAMES'];
    const holders = certificates.filter(
      ({ spec }) => spec.usages?.includes('client auth') && spec.dnsNames?.includes(names ?? ''),
    );

    expect(names).toBe('payment-server');
    expect(holders.map(({ metadata }) => metadata?.name)).toEqual(['payment-server']);
  });

  test('sets only variables that a program reads, and mounts exactly the volumes of each pod', () => {
    expect(
      containers.flatMap((one) => Object.keys(environment(one))).filter((name) => !isKnownSetting(name)),
    ).toEqual([]);
    for (const { pod, containers: own } of all) {
      const mounted = own.flatMap(({ volumeMounts = [] }) => volumeMounts.map(({ name }) => name));
      expect(new Set(mounted)).toEqual(new Set(pod.volumes?.map(({ name }) => name)));
    }
  });
});

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { IPodMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PodMonitor';
import { parse } from 'yaml';
import { repository } from './images';
import { schemaErrors, unknownFields } from './kubernetesSchemas';
import { render } from './kustomize';
import { monitoring, queries, readDashboard, readManifest, readRules, selectors } from './monitoring';
import { workloads } from './workloads';

const manifests = [readManifest('pod-monitor.yaml'), readManifest('rules.yaml')];
const alerts = readRules().filter(({ alert }) => alert !== undefined);
const document = readFileSync(join(repository, 'docs', 'production.md'), 'utf8');

interface PromtoolTests {
  tests: { name: string; promql_expr_test: { expr: string; exp_samples: unknown[] }[] }[];
}

describe('The component monitoring', () => {
  test('has files that exist, and objects that the Prometheus Operator accepts', () => {
    const { kind, resources, configMapGenerator } = readManifest('kustomization.yaml') as unknown as {
      kind: string;
      resources: string[];
      configMapGenerator: { files: string[] }[];
    };

    expect(kind).toBe('Component');
    for (const file of [...resources, ...configMapGenerator.flatMap(({ files }) => files)]) {
      expect(existsSync(join(monitoring, file))).toBe(true);
    }
    expect(schemaErrors(manifests)).toEqual([]);
    expect(unknownFields(manifests)).toEqual([]);
  });

  test('scrapes the health port of both servers', () => {
    const { spec } = manifests[0] as unknown as IPodMonitor;
    const [{ key, operator, values = [] }] = spec.selector.matchExpressions as [
      { key: string; operator: string; values?: string[] },
    ];
    const servers = workloads(render(join('overlays', 'production'))).filter(
      ({ kind }) => kind === 'Deployment',
    );

    expect([key, operator]).toEqual(['app.kubernetes.io/name', 'In']);
    expect([...values].sort()).toEqual(servers.map(({ labels }) => labels[key]).sort());
    expect(spec.jobLabel).toBe(key);
    for (const { pod } of servers) {
      const ports = pod.containers[0]!.ports?.map(({ name }) => name);
      expect(spec.podMetricsEndpoints.map(({ port }) => ports?.includes(port ?? ''))).toEqual([true]);
    }
  });
});

describe('The alerts', () => {
  test('have names that differ, and the document has a paragraph for each and for nothing else', () => {
    const names = alerts.map(({ alert }) => alert!);
    const [, section = ''] = document.split(/^## Alerts$/m);
    const headings = Array.from(section.split(/^## /m)[0]!.matchAll(/^### (\w+)$/gm), ([, name]) => name!);

    expect(new Set(names).size).toBe(names.length);
    expect([...headings].sort()).toEqual([...names].sort());
  });

  test.each(alerts)(
    '$alert has a severity, and a link to its paragraph',
    ({ alert, labels, annotations }) => {
      expect(labels?.['severity']).toMatch(/^(critical|warning)$/);
      expect(annotations).toEqual({
        summary: expect.any(String),
        description: expect.any(String),
        runbook_url: expect.stringMatching(/^https:\/\/\S+\/docs\/production\.md#\w+$/),
      });
      expect(annotations?.['runbook_url']?.split('#')[1]).toBe(alert!.toLowerCase());
    },
  );

  test('have tests that show each one firing and silent', () => {
    const files = readdirSync(join(monitoring, 'test')).filter((name) => name.endsWith('.yaml'));
    const tests = files.flatMap(
      (name) => (parse(readFileSync(join(monitoring, 'test', name), 'utf8')) as PromtoolTests).tests,
    );

    for (const { alert = '' } of alerts) {
      const cases = tests
        .flatMap(({ promql_expr_test }) => promql_expr_test)
        .filter(({ expr }) => expr === `count(ALERTS{alertname="${alert}",alertstate="firing"})`);
      const firing = cases.map(({ exp_samples }) => exp_samples.length > 0);
      expect([alert, ...new Set(firing)].sort()).toEqual([alert, false, true].sort());
    }
  });
});

describe('The dashboard', () => {
  const { uid, title, schemaVersion, panels, templating } = readDashboard();
  const graphs = panels.filter(({ type }) => type !== 'row');

  test('has what Grafana needs: an id, a title, and variables for the data source and the namespace', () => {
    expect(uid).toMatch(/^[\w-]{1,40}$/);
    expect(title).not.toBe('');
    expect(schemaVersion).toBeGreaterThanOrEqual(36);
    expect(templating.list.map(({ name, type }) => `${name}: ${type}`)).toEqual([
      'datasource: datasource',
      'namespace: query',
    ]);
    expect(templating.list[0]!.query).toBe('prometheus');
  });

  test('has panels with different ids, which do not overlap', () => {
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`),
    );

    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    expect(new Set(cells).size).toBe(cells.length);
    expect(panels.filter(({ gridPos: { x, w } }) => x + w > 24)).toEqual([]);
  });

  test.each(graphs)('$title has queries, and uses the chosen data source and namespaces', (panel) => {
    const source = { type: 'prometheus', uid: '${datasource}' };

    expect(panel.datasource).toEqual(source);
    expect(panel.targets?.length).toBeGreaterThan(0);
    for (const { expr, datasource } of panel.targets ?? []) {
      expect(datasource).toEqual(source);
      expect(expr).toContain('namespace=~"$namespace"');
    }
  });
});

test('Every expression of a rule or a panel is PromQL', () => {
  const expressions = [...readRules().map(({ expr }) => expr), ...queries(readDashboard())];

  for (const expression of expressions) expect(selectors(expression)).not.toEqual([]);
});

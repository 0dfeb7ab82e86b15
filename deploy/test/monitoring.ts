import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parser } from '@prometheus-io/lezer-promql';
import { parse } from 'yaml';
import { repository } from './images';
import type { Manifest } from './kustomize';

export const monitoring = join(repository, 'deploy', 'monitoring');

interface Rule {
  record?: string;
  alert?: string;
  expr: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

/** The content of a rule file of Prometheus, which the PrometheusRule has as its `spec`. */
export interface RuleFile {
  groups: { name: string; rules: Rule[] }[];
}

export interface Panel {
  id: number;
  type: string;
  title: string;
  datasource?: { type: string; uid: string };
  gridPos: { x: number; y: number; w: number; h: number };
  targets?: { refId: string; expr: string; datasource: { type: string; uid: string } }[];
}

/** The part of a dashboard that is checked. https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/ */
export interface Dashboard {
  uid: string;
  title: string;
  schemaVersion: number;
  panels: Panel[];
  templating: { list: { name: string; type: string; query: unknown }[] };
}

export function readManifest(name: string): Manifest {
  return parse(readFileSync(join(monitoring, name), 'utf8')) as Manifest;
}

export function readRuleFile(): RuleFile {
  return readManifest('rules.yaml').spec as RuleFile;
}

export function readRules(): Rule[] {
  return readRuleFile().groups.flatMap(({ rules }) => rules);
}

export function readDashboard(): Dashboard {
  return JSON.parse(readFileSync(join(monitoring, 'dashboard.json'), 'utf8')) as Dashboard;
}

/** The queries of a dashboard, with values for its variables. */
export function queries({ panels }: Dashboard): string[] {
  return panels.flatMap(({ targets = [] }) =>
    targets.map(({ expr }) => expr.replaceAll('$__rate_interval', '1m').replaceAll('$namespace', '.*')),
  );
}

/** A condition on a label. A regular expression with alternatives gives one for each. */
interface Matcher {
  label: string;
  operator: string;
  values: string[];
}

export interface Selector {
  text: string;
  metric: string;
  matchers: Matcher[];
}

/**
 * Returns the series that an expression of PromQL selects.
 *
 * @throws Error when the expression is invalid.
 */
export function selectors(expression: string): Selector[] {
  const found: Selector[] = [];
  parser.parse(expression).iterate({
    enter: ({ name, type, from, to, node }) => {
      if (type.isError) throw new Error(`invalid at character ${from}: ${expression}`);
      if (name !== 'VectorSelector') return;
      const text = (child: typeof node | null) => (child ? expression.slice(child.from, child.to) : '');
      const matchers = (node.getChild('LabelMatchers')?.getChildren('UnquotedLabelMatcher') ?? []).map(
        (matcher) => {
          const operator = text(matcher.getChild('MatchOp'));
          const value = text(matcher.getChild('StringLiteral')).slice(1, -1);
          const values = operator.endsWith('~') ? value.split('|') : [value];
          return { label: text(matcher.getChild('LabelName')), operator, values };
        },
      );
      found.push({
        text: expression.slice(from, to),
        metric: text(node.getChild('Identifier')),
        matchers,
      });
    },
  });
  return found;
}

/** For a selector, a query for its metric with each label value that it names, and one for the whole. */
export function seriesThatMustExist({ text, metric, matchers }: Selector): string[] {
  const named = matchers.flatMap(({ label, operator, values }) =>
    values.map((value) => `${metric}{${label}${operator.endsWith('~') ? '=~' : '='}"${value}"}`),
  );
  return [text, ...named];
}

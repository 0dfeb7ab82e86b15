import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { call, times, until } from '../../../e2e/helpers/calls';
import { World } from '../../../e2e/helpers/harness';
import { certificateFiles, makeCertificates } from '../../../tools/src/certs';
import {
  monitoring,
  queries,
  readDashboard,
  readRuleFile,
  readRules,
  selectors,
  seriesThatMustExist,
} from '../../test/monitoring';
import { isInstalled, type PrometheusServer, promtool, startPrometheus } from './prometheusServer';

const installed = isInstalled();
if (!installed) process.stderr.write('Prometheus is not installed: the tests of monitoring are skipped.\n');

test('When these tests run in CI, then Prometheus is installed', () => {
  expect(installed || !process.env.CI).toBe(true);
});

(installed ? describe : describe.skip)('Prometheus', () => {
  const folder = mkdtempSync(join(tmpdir(), 'monitoring-'));
  const world = new World();
  let prometheus: PrometheusServer | undefined;

  /** The environment of a server with mutual TLS and a port for probes. */
  const secure = (name: 'wallet-server' | 'payment-server') => {
    const { ca, certificate, key } = certificateFiles(folder, name);
    return { TLS_CA_FILE: ca, TLS_CERT_FILE: certificate, TLS_KEY_FILE: key, HEALTH_PORT: '0' };
  };

  /** Every series that a selector names exists as soon as Prometheus has scraped twice and evaluated the rules. */
  const missingSeries = async (expressions: readonly string[]) => {
    const wanted = new Set(expressions.flatMap(selectors).flatMap(seriesThatMustExist));
    const missing: string[] = [];
    for (const query of wanted) {
      const { result } = await prometheus!.ask<{ result: unknown[] }>('query', { query });
      if (result.length === 0) missing.push(query);
    }
    return missing;
  };

  beforeAll(async () => {
    writeFileSync(join(folder, 'rules.yaml'), stringify(readRuleFile()));
    for (const name of ['alerts.yaml', 'alertsOverDays.yaml']) {
      copyFileSync(join(monitoring, 'test', name), join(folder, name));
    }
    await makeCertificates(folder);
    const { program } = await world.startStytch();
    const secret = join(folder, 'client-secret');
    writeFileSync(secret, `${program.seed['CLIENT_SECRET'] ?? ''}\n`, { mode: 0o600 });
    const wallet = await world.start('wallet-server', secure('wallet-server'));
    const payment = await world.start('payment-server', {
      ...secure('payment-server'),
      WALLET_SERVER_URL: wallet.url,
      CLIENT_SECRET: '',
      CLIENT_SECRET_FILE: secret,
    });
    for (const { healthUrl = '' } of [wallet, payment]) {
      // As Kubernetes probes them.
      for (const path of ['/healthz', '/readyz']) {
        await until('a probe succeeds', async () => (await call(healthUrl + path)).status === 200);
      }
    }
    const targets = [
      { job: 'wallet-server', url: wallet.healthUrl ?? '' },
      { job: 'payment-server', url: payment.healthUrl ?? '' },
    ];
    prometheus = await startPrometheus(folder, targets);
    const scrapes = async (atLeast: number) => {
      const query = `min(count_over_time(up[5m])) >= ${atLeast}`;
      return (await prometheus!.ask<{ result: unknown[] }>('query', { query })).result.length > 0;
    };
    await until('both servers have been scraped', () => scrapes(1));
    const { ca, certificate, key } = certificateFiles(folder, 'operator');
    const tls = { ca: readFileSync(ca), cert: readFileSync(certificate), key: readFileSync(key) };
    const answers = await times(20, () => call(`${payment.url}/initiate-payment`, { tls }));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    await until('the payments have been scraped', () => scrapes(5));
  });

  afterAll(async () => {
    await prometheus?.stop();
    expect(await world.violations()).toEqual([]);
    rmSync(folder, { recursive: true });
  });

  test('When promtool checks the rules, then it finds no mistake', () => {
    expect(promtool(folder, 'check', 'rules', 'rules.yaml')).toMatchObject({ status: 0 });
  });

  test.each(['alerts.yaml', 'alertsOverDays.yaml'])(
    'When promtool runs %s, then each alert is firing and silent when it should be',
    (name) => {
      expect(promtool(folder, 'test', 'rules', name)).toEqual({
        status: 0,
        output: expect.stringContaining('SUCCESS'),
      });
    },
    120_000,
  );

  test('When the rules name a metric or a label value, then the servers have it', async () => {
    expect(await missingSeries(readRules().map(({ expr }) => expr))).toEqual([]);
  });

  test('When the dashboard names a metric or a label value, then the servers have it', async () => {
    expect(await missingSeries(queries(readDashboard()))).toEqual([]);
  });

  test('When payments succeed, then every panel has data', async () => {
    const empty: string[] = [];
    for (const query of queries(readDashboard())) {
      const { result } = await prometheus!.ask<{ result: unknown[] }>('query', { query });
      if (result.length === 0) empty.push(query);
    }

    expect(empty).toEqual([]);
  });

  test('When payments succeed, then Prometheus evaluates every rule, and no alert fires but those for slowness', async () => {
    interface State {
      name: string;
      type: string;
      health: string;
      state?: string;
    }
    const { groups } = await prometheus!.ask<{ groups: { rules: State[] }[] }>('rules');
    const rules = groups.flatMap((group) => group.rules);

    expect(rules).toHaveLength(readRules().length);
    expect(rules.filter(({ health }) => health !== 'ok')).toEqual([]);
    // How fast this machine is says nothing about the rules.
    const active = rules.filter(({ type, state }) => type === 'alerting' && state !== 'inactive');
    expect(active.map(({ name }) => name).filter((name) => !/Latency|Slow/.test(name))).toEqual([]);
  });
});

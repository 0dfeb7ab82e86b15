import { spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { call, until } from '../../../e2e/helpers/calls';
import { freePorts } from '../../../e2e/helpers/freePorts';
import { endOf } from '../../../tools/src/childProcess';

/** A server to scrape. */
export interface Target {
  job: string;
  /** Its address without TLS. */
  url: string;
}

export interface PrometheusServer {
  /** Calls the HTTP API. Returns `data` of the answer. @throws Error when the answer is not a success. */
  ask<Data>(path: string, parameters?: Record<string, string>): Promise<Data>;
  stop(): Promise<void>;
}

/** Whether Prometheus and its tool are on the PATH. */
export function isInstalled(): boolean {
  return ['prometheus', 'promtool'].every((name) => spawnSync(name, ['--version']).status === 0);
}

/** Runs promtool. Returns the exit code and the output. */
export function promtool(folder: string, ...parameters: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync('promtool', parameters, { cwd: folder, encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

/**
 * Starts Prometheus on a free port of 127.0.0.1. It scrapes and evaluates once a second.
 *
 * @param folder gets its configuration and its data. It has `rules.yaml`.
 */
export async function startPrometheus(folder: string, targets: readonly Target[]): Promise<PrometheusServer> {
  const [port = ''] = await freePorts(1);
  const url = `http://127.0.0.1:${port}`;
  const config = {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: ['rules.yaml'],
    scrape_configs: targets.map(({ job, url }) => ({
      job_name: job,
      static_configs: [{ targets: [new URL(url).host], labels: { namespace: 'test' } }],
    })),
  };
  writeFileSync(join(folder, 'prometheus.yaml'), stringify(config));
  const parameters = [
    '--config.file=prometheus.yaml',
    '--storage.tsdb.path=data',
    `--web.listen-address=127.0.0.1:${port}`,
  ];
  const child = spawn('prometheus', parameters, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  let output = '';
  child.stderr.on('data', (piece) => (output += String(piece)));
  const ended = endOf(child);
  const isReady = async () => (await call(`${url}/-/ready`)).status === 200;
  const failed = ended.then((end) => {
    throw new Error(`Prometheus ended (${end}): ${output}`);
  });
  await Promise.race([until('Prometheus is ready', isReady), failed]);
  failed.catch(() => undefined);
  return {
    ask: async <Data>(path: string, parameters: Record<string, string> = {}) => {
      const { json, text } = await call(
        `${url}/api/v1/${path}?${new URLSearchParams(parameters).toString()}`,
      );
      const { status, data } = (json ?? {}) as { status?: string; data: Data };
      if (status !== 'success') throw new Error(text);
      return data;
    },
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

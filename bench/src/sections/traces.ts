import { check, waitUntilReady } from '../checks';
import { type Candidate, find, runFineComparison } from '../comparison';
import { whole } from '../format';
import { program, server } from '../recipes';
import type { Bench, Findings } from '../section';
import { median } from '../statistics';
import { wallet, walletJob } from './wallet';

/** The processes of each candidate. */
const copies = 5;

const off = 'off';
const all = 'every trace';
const few = '1 % of the traces';

/** Our wallet-server with and without traces, which it sends to a collector that answers at once. */
export async function measureTraces({ plan, processes, localStytch, send }: Bench): Promise<Findings> {
  const accessToken = await localStytch.accessToken();
  const collector = await processes.start(server('collector'));
  const on = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
  const start = async ([name, settings]: [string, object]): Promise<Candidate> => {
    const running = await processes.start(program('wallet-server', { ...localStytch.seed, ...settings }));
    await waitUntilReady(running);
    const job = walletJob(running.url, accessToken);
    await check(job, { status: 200, json: wallet });
    return { name, isOurs: true, job, expected: 200, processes: [running] };
  };
  const entries: [string, object][] = [
    [off, {}],
    [few, { ...on, OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.01' }],
    [all, on],
  ];
  const starts = entries.map((entry) => () => start(entry));
  const measured = await runFineComparison(starts, copies, plan, send);
  await collector.stop();

  const without = find(measured, off).runs;
  /** The share of the requests per second that a candidate loses, in percent: each round is compared with itself. */
  const loss = (name: string) =>
    100 *
    median(
      find(measured, name).runs.map(
        (run, round) => 1 - run.requestsPerSecond / (without[round]?.requestsPerSecond ?? NaN),
      ),
    );
  return {
    figures: measured,
    tables: [
      {
        title: 'traces: our wallet-server',
        columns: ['', 'CPU us/request', 'requests/s', 'fewer requests'],
        rows: measured.map(({ name, cpuMicroseconds, requestsPerSecond }) => [
          name,
          whole(cpuMicroseconds.median),
          whole(requestsPerSecond.median),
          name === off ? '' : `${loss(name).toFixed(1)} %`,
        ]),
        notes: [
          '"fewer requests" is the median of the rounds: each round is compared with itself. Each round is the median of',
          'several processes.',
        ],
      },
    ],
    charts: [],
    targets: [most(few, loss(few), 5), most(all, loss(all), 30)],
  };
}

function most(name: string, measured: number, limit: number) {
  return {
    what: `traces: fewer requests/s with ${name}`,
    measured,
    limit,
    bound: 'most',
    unit: ' %',
  } as const;
}

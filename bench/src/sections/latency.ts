import { check, waitUntilReady } from '../checks';
import { type Candidate, find, type Measured, runComparison } from '../comparison';
import { whole } from '../format';
import { program, type Recipe, server } from '../recipes';
import type { Bench, Findings } from '../section';
import { median } from '../statistics';
import { open, ours, sameClasses, wallet, walletJob } from './wallet';

/** The share of our highest load. */
const share = 0.7;

/** The latency at 70 % of our highest load. Every candidate gets the same number of requests a second. */
export async function measureLatency({ plan, processes, localStytch, send }: Bench): Promise<Findings> {
  const accessToken = await localStytch.accessToken();
  const recipes: [string, Recipe][] = [
    [ours, program('wallet-server', localStytch.seed)],
    [sameClasses, server('walletParts')],
    [open, server('walletExpress')],
  ];
  const start = async ([name, recipe]: [string, Recipe]): Promise<Candidate> => {
    const running = await processes.start(recipe);
    if (recipe.name === 'wallet-server') await waitUntilReady(running);
    const job = walletJob(running.url, accessToken);
    await check(job, { status: 200, json: wallet });
    return { name, isOurs: name === ours, job, expected: 200, processes: [running] };
  };
  const candidates = await Promise.all(recipes.map(start));
  const highest = await runComparison([find(candidates, ours)], plan, send);
  const requestsPerSecond = share * find(highest, ours).requestsPerSecond.median;
  const paced = candidates.map((candidate) => ({
    ...candidate,
    job: { ...candidate.job, requestsPerSecond },
  }));
  const measured = await runComparison(paced, plan, send);
  await Promise.all(candidates.flatMap(({ processes: all }) => all.map((running) => running.stop())));
  return {
    figures: { requestsPerSecond, measured },
    tables: [
      {
        title: `latency: at ${whole(requestsPerSecond)} requests/s, ${100 * share} % of the highest load of ours`,
        columns: ['candidate', 'p50 ms', 'p99 ms', 'CPU us/request', 'requests/s'],
        rows: measured.map((one) => [
          one.name,
          milliseconds(one, 'p50Milliseconds'),
          milliseconds(one, 'p99Milliseconds'),
          whole(one.cpuMicroseconds.median),
          whole(one.requestsPerSecond.median),
        ]),
        notes: ['A latency starts when the request should be sent, which is checked once per millisecond.'],
      },
    ],
    charts: [],
    targets: [],
  };
}

function milliseconds({ runs }: Measured, percentile: 'p50Milliseconds' | 'p99Milliseconds'): string {
  return median(runs.map((run) => run[percentile])).toFixed(1);
}

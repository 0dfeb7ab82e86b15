import { check, waitUntilReady } from '../checks';
import { type Candidate, find, type Measured, runFineComparison } from '../comparison';
import { program, type Recipe, server } from '../recipes';
import type { Bench, Findings } from '../section';
import { partNames } from '../servers/parts';
import { median } from '../statistics';
import { ours, sameClasses, wallet, walletJob } from './wallet';

/** The processes of each candidate. */
const copies = 3;

/** The CPU time of a request: Express 5 with our classes, with one more part of our wallet-server each, and ours. */
export async function measureParts({ plan, processes, localStytch, send }: Bench): Promise<Findings> {
  const accessToken = await localStytch.accessToken();
  const { seed } = localStytch;
  const recipes: [string, Recipe][] = [
    [sameClasses, server('walletParts')],
    ...partNames.map((name, index): [string, Recipe] => {
      const parts = partNames.slice(0, index + 1).join();
      return [name, server('walletParts', { ...seed, PARTS: parts })];
    }),
    [ours, program('wallet-server', seed)],
  ];
  const start = async ([name, recipe]: [string, Recipe]): Promise<Candidate> => {
    const running = await processes.start(recipe);
    if (name === ours) await waitUntilReady(running);
    const job = walletJob(running.url, accessToken);
    await check(job, { status: 200, json: wallet });
    return { name, isOurs: name === ours, job, expected: 200, processes: [running] };
  };
  const starts = recipes.map((recipe) => () => start(recipe));
  const measured = await runFineComparison(starts, copies, plan, send);

  const limit = find(measured, sameClasses);
  const share = median(ratios(limit, find(measured, ours)));
  return {
    figures: measured,
    tables: [
      {
        title: 'parts: CPU us/request of our wallet-server, one part after the other',
        columns: ['with', 'CPU us/request', 'min..max', 'added', 'limit / this'],
        rows: measured.map((one, index) => {
          const { name, cpuMicroseconds } = one;
          const before = measured[index - 1];
          return [
            index === 0 ? name : `+ ${name}`,
            cpuMicroseconds.median.toFixed(1),
            `${cpuMicroseconds.min.toFixed(1)}..${cpuMicroseconds.max.toFixed(1)}`,
            before ? median(differences(before, one)).toFixed(1) : '',
            median(ratios(limit, one)).toFixed(2),
          ];
        }),
        notes: [
          '"added" and the ratio are medians of the rounds: each round is compared with itself. Each round is the median of',
          'several processes.',
        ],
      },
    ],
    charts: [],
    targets: [
      {
        what: 'wallet: CPU of a request, Express 5 with our classes to ours',
        measured: share,
        limit: 0.75,
        bound: 'least',
        unit: 'x',
      },
    ],
  };
}

function differences(one: Measured, other: Measured): number[] {
  return pairs(one, other).map(([first, second]) => second - first);
}

function ratios(one: Measured, other: Measured): number[] {
  return pairs(one, other).map(([first, second]) => first / second);
}

/** The CPU times of the two in each round. */
function pairs(one: Measured, other: Measured): [number, number][] {
  return one.runs.map(({ cpuMicroseconds }, round) => [
    cpuMicroseconds,
    other.runs[round]?.cpuMicroseconds ?? NaN,
  ]);
}

import type { Chart } from './chart';
import type { Measured } from './comparison';
import { mebibytes, times, whole } from './format';
import type { LocalStytch } from './localStytch';
import type { Plan } from './plan';
import type { Processes } from './processes';
import type { LoadJob, LoadResult } from './protocol';
import { summarize } from './statistics';
import type { Table } from './table';
import type { Target } from './target';

/** What a section uses. */
export interface Bench {
  plan: Plan;
  processes: Processes;
  localStytch: LocalStytch;
  /** Makes the load generator run these jobs in parallel. */
  send: (jobs: LoadJob[]) => Promise<LoadResult[]>;
}

/** The results of a section. */
export interface Findings {
  /** All figures, for the JSON file. */
  figures: unknown;
  tables: readonly Table[];
  charts: readonly Chart[];
  targets: readonly Target[];
}

/** The table of a comparison. `ours is` has our requests/s divided by those of the candidate. */
export function comparisonTable(
  title: string,
  measured: readonly Measured[],
  notes?: readonly string[],
): Table {
  const ours = measured.find(({ isOurs }) => isOurs);
  const showsSockets = measured.some(({ runs }) => runs.some((run) => run.socketsOpened !== undefined));
  return {
    title,
    columns: [
      'candidate',
      'requests/s',
      'min..max',
      'ours is',
      'CPU us/request',
      'min..max',
      'p99 ms',
      'MiB idle',
      'after load',
      ...(showsSockets ? ['sockets opened'] : []),
    ],
    rows: measured.map(({ name, requestsPerSecond, cpuMicroseconds, memory, runs }) => [
      name,
      whole(requestsPerSecond.median),
      `${whole(requestsPerSecond.min)}..${whole(requestsPerSecond.max)}`,
      ours ? times(ours.requestsPerSecond.median / requestsPerSecond.median) : '',
      whole(cpuMicroseconds.median),
      `${whole(cpuMicroseconds.min)}..${whole(cpuMicroseconds.max)}`,
      whole(summarize(runs.map(({ p99Milliseconds }) => p99Milliseconds)).median),
      mebibytes(memory.idleBytes),
      mebibytes(memory.afterLoadBytes),
      ...(showsSockets ? [whole(mostSocketsOpened({ runs }))] : []),
    ]),
    ...(notes && { notes }),
  };
}

export function comparisonChart(name: string, title: string, measured: readonly Measured[]): Chart {
  return {
    name,
    title,
    bars: measured.map(({ name: label, isOurs, requestsPerSecond, cpuMicroseconds }) => ({
      label,
      value: requestsPerSecond.median,
      text: `${whole(requestsPerSecond.median)} (${whole(cpuMicroseconds.median)} us CPU each)`,
      ours: isOurs,
    })),
  };
}

/** The most connections that a candidate opened in a run. */
export function mostSocketsOpened({ runs }: Pick<Measured, 'runs'>): number {
  return Math.max(...runs.map(({ socketsOpened = 0 }) => socketsOpened));
}

import type { Plan } from './plan';
import type { Running } from './processes';
import type { LoadJob, LoadResult } from './protocol';
import { median, summarize, type Summary } from './statistics';

/** A server, or two, that a comparison measures. All candidates of a comparison do the same work. */
export interface Candidate {
  name: string;
  isOurs: boolean;
  /** The requests to send. */
  job: Omit<LoadJob, 'connections' | 'amount'>;
  /** The status that every answer must have. */
  expected: number;
  /** The processes that do the work. The load generator calls the first. */
  processes: readonly Running[];
  /** The server that the candidate calls. Its accepted connections are counted. */
  called?: Running;
}

/** The figures of one run of one candidate. */
export interface Run {
  requestsPerSecond: number;
  /** Per request, in all of its processes. */
  cpuMicroseconds: number;
  p50Milliseconds: number;
  p99Milliseconds: number;
  answered: number;
  /** The connections that the candidate opened to the server that it calls during the run. */
  socketsOpened?: number;
  /** The TLS sessions that were resumed, if each request had its own connection. */
  resumed?: number;
}

export interface Memory {
  idleBytes: number;
  afterLoadBytes: number;
}

export interface Measured {
  name: string;
  isOurs: boolean;
  runs: readonly Run[];
  requestsPerSecond: Summary;
  cpuMicroseconds: Summary;
  /** The resident set of all of its processes. */
  memory: Memory;
}

type Send = (jobs: LoadJob[]) => Promise<LoadResult[]>;

/**
 * Measures each candidate once per round, so that a slow phase of the machine affects all of them. Each run has its own
 * warm-up.
 *
 * @throws Error when an answer has the wrong status or a connection breaks.
 */
export async function runComparison(
  candidates: readonly Candidate[],
  { connections, rounds, run, warmUp }: Plan,
  send: Send,
): Promise<Measured[]> {
  const idle = await Promise.all(candidates.map(residentBytes));
  const runs = candidates.map((): Run[] => []);
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, candidate] of candidates.entries()) {
      const job = { ...candidate.job, connections };
      await sendChecked(candidate, { ...job, amount: warmUp }, send);
      runs[index]?.push(await measureRun(candidate, { ...job, amount: run }, send));
    }
  }
  const afterLoad = await Promise.all(candidates.map(residentBytes));
  return candidates.map((candidate, index) =>
    summarizeRuns(candidate, runs[index] ?? [], {
      idleBytes: idle[index] ?? 0,
      afterLoadBytes: afterLoad[index] ?? 0,
    }),
  );
}

/** The fewest rounds of a fine comparison, and the longest run. */
const fineRounds = 7;
const fineSeconds = 3;

/**
 * Measures small differences: in several processes of each candidate, because V8 optimizes each one differently, and in
 * at least seven rounds of at most 3 s. Each figure of a round is the median of the candidate's processes.
 *
 * @param starts starts one process of each candidate.
 * @param copies the number of processes.
 */
export async function runFineComparison(
  starts: readonly (() => Promise<Candidate>)[],
  copies: number,
  plan: Plan,
  send: Send,
): Promise<Measured[]> {
  const count = plan.quick ? 1 : copies;
  // One process of each candidate after the other, so that a slow moment of the machine affects all candidates.
  const inTurn = Array.from({ length: count }, () => starts).flat();
  const candidates = await Promise.all(inTurn.map((start) => start()));
  const rounds = plan.quick ? plan.rounds : Math.max(plan.rounds, fineRounds);
  const run = 'seconds' in plan.run ? { seconds: Math.min(plan.run.seconds, fineSeconds) } : plan.run;
  const measured = await runComparison(candidates, { ...plan, rounds, run }, send);
  await Promise.all(candidates.flatMap(({ processes }) => processes.map((process) => process.stop())));
  return starts.map((_start, index) => combine(measured.filter((_one, at) => at % starts.length === index)));
}

/** Combines the figures of several processes of one candidate. */
function combine(copies: readonly Measured[]): Measured {
  const [first] = copies;
  if (!first) throw new RangeError('nothing to combine');
  const runs = first.runs.map((_run, round): Run => {
    const sameRound = copies.flatMap((copy) => copy.runs[round] ?? []);
    const middle = (figure: (run: Run) => number) => median(sameRound.map(figure));
    return {
      requestsPerSecond: middle((run) => run.requestsPerSecond),
      cpuMicroseconds: middle((run) => run.cpuMicroseconds),
      p50Milliseconds: middle((run) => run.p50Milliseconds),
      p99Milliseconds: middle((run) => run.p99Milliseconds),
      answered: middle((run) => run.answered),
    };
  });
  return summarizeRuns(first, runs, {
    idleBytes: median(copies.map(({ memory }) => memory.idleBytes)),
    afterLoadBytes: median(copies.map(({ memory }) => memory.afterLoadBytes)),
  });
}

function summarizeRuns(
  { name, isOurs }: Pick<Candidate, 'name' | 'isOurs'>,
  runs: readonly Run[],
  memory: Memory,
): Measured {
  return {
    name,
    isOurs,
    runs,
    requestsPerSecond: summarize(runs.map((run) => run.requestsPerSecond)),
    cpuMicroseconds: summarize(runs.map((run) => run.cpuMicroseconds)),
    memory,
  };
}

/** @throws Error when there is none with this name. */
export function find<Named extends { name: string }>(all: readonly Named[], name: string): Named {
  const found = all.find((one) => one.name === name);
  if (!found) throw new Error(`there is no ${name}`);
  return found;
}

/** Counts the answers of a load. @throws Error when one of them has the wrong status. */
export function countAnswers(
  { name, expected }: Pick<Candidate, 'name' | 'expected'>,
  { statuses, errors }: LoadResult,
): number {
  const answered = statuses[expected] ?? 0;
  const others = Object.entries(statuses).filter(([status]) => Number(status) !== expected);
  if (answered === 0 || others.length > 0 || errors > 0) {
    throw new Error(`${name}: expected ${expected}; got ${JSON.stringify(statuses)} and ${errors} errors`);
  }
  return answered;
}

async function measureRun(candidate: Candidate, job: LoadJob, send: Send): Promise<Run> {
  const cpuBefore = await cpuMicroseconds(candidate);
  const socketsBefore = await socketsAccepted(candidate);
  const { answered, seconds, latency, resumed } = await sendChecked(candidate, job, send);
  const cpu = (await cpuMicroseconds(candidate)) - cpuBefore;
  return {
    requestsPerSecond: answered / seconds,
    cpuMicroseconds: cpu / answered,
    p50Milliseconds: latency.p50,
    p99Milliseconds: latency.p99,
    answered,
    ...(resumed !== undefined && { resumed }),
    ...(candidate.called && { socketsOpened: (await socketsAccepted(candidate)) - socketsBefore }),
  };
}

async function sendChecked(candidate: Candidate, job: LoadJob, send: Send) {
  const [result] = await send([job]);
  if (!result) throw new Error('the load generator gave no result');
  return { ...result, answered: countAnswers(candidate, result) };
}

/** The CPU time of all of its processes so far. */
async function cpuMicroseconds({ processes }: Candidate): Promise<number> {
  const all = await Promise.all(processes.map((process) => process.usage()));
  return all.reduce((sum, usage) => sum + usage.cpuMicroseconds, 0);
}

/** The connections that the server that it calls has accepted so far. */
async function socketsAccepted({ called }: Candidate): Promise<number> {
  return (await called?.usage())?.socketsAccepted ?? 0;
}

async function residentBytes({ processes }: Candidate): Promise<number> {
  const all = await Promise.all(processes.map((process) => process.usage()));
  return all.reduce((sum, { rssBytes }) => sum + rssBytes, 0);
}

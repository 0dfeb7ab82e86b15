import type { Plan } from './plan';
import type { Running } from './processes';
import type { LoadJob, LoadResult } from './protocol';
import { summarize, type Summary } from './statistics';

/** One way to do what all candidates of a comparison do. */
export interface Candidate {
  name: string;
  isOurs: boolean;
  /** What is sent to it. */
  job: Omit<LoadJob, 'connections' | 'amount'>;
  /** The status that every answer must have. */
  expected: number;
  /** The processes that do the work; the first is the one that is called. */
  processes: readonly Running[];
  /** Whose accepted connections are counted: the server that the candidate calls. */
  called?: Running;
}

/** One run of one candidate. */
export interface Run {
  requestsPerSecond: number;
  /** Of all its processes together, for one request. */
  cpuMicroseconds: number;
  p50Milliseconds: number;
  p99Milliseconds: number;
  answered: number;
  /** Connections that the candidate opened to the server that it calls, in the measured time. */
  socketsOpened?: number;
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
  /** Resident set of all its processes together. */
  memory: Memory;
}

type Send = (jobs: LoadJob[]) => Promise<LoadResult[]>;

/**
 * Measures the candidates by turns, so that what slows the machine for a while slows all of them: each in
 * the first round, then each in the second. Each run has a warm-up of its own.
 *
 * @throws Error when an answer is not what is expected, or a connection breaks.
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
  return candidates.map(({ name, isOurs }, index) => {
    const own = runs[index] ?? [];
    return {
      name,
      isOurs,
      runs: own,
      requestsPerSecond: summarize(own.map((run) => run.requestsPerSecond)),
      cpuMicroseconds: summarize(own.map((run) => run.cpuMicroseconds)),
      memory: { idleBytes: idle[index] ?? 0, afterLoadBytes: afterLoad[index] ?? 0 },
    };
  });
}

/** @throws Error when there is none of that name. */
export function find<Named extends { name: string }>(all: readonly Named[], name: string): Named {
  const found = all.find((one) => one.name === name);
  if (!found) throw new Error(`there is no ${name}`);
  return found;
}

/** How many answers there were. @throws Error when one of them is not as expected. */
export function countAnswers(
  { name, expected }: Pick<Candidate, 'name' | 'expected'>,
  { statuses, errors }: LoadResult,
): number {
  const answered = statuses[expected] ?? 0;
  const others = Object.entries(statuses).filter(([status]) => Number(status) !== expected);
  if (answered === 0 || others.length > 0 || errors > 0) {
    throw new Error(`${name}: expected ${expected}; came ${JSON.stringify(statuses)} and ${errors} errors`);
  }
  return answered;
}

async function measureRun(candidate: Candidate, job: LoadJob, send: Send): Promise<Run> {
  const cpuBefore = await cpuMicroseconds(candidate);
  const socketsBefore = await socketsAccepted(candidate);
  const { answered, seconds, latency } = await sendChecked(candidate, job, send);
  const cpu = (await cpuMicroseconds(candidate)) - cpuBefore;
  return {
    requestsPerSecond: answered / seconds,
    cpuMicroseconds: cpu / answered,
    p50Milliseconds: latency.p50,
    p99Milliseconds: latency.p99,
    answered,
    ...(candidate.called && { socketsOpened: (await socketsAccepted(candidate)) - socketsBefore }),
  };
}

async function sendChecked(candidate: Candidate, job: LoadJob, send: Send) {
  const [result] = await send([job]);
  if (!result) throw new Error('the load generator gave no result');
  return { ...result, answered: countAnswers(candidate, result) };
}

/** Of all its processes together, so far. */
async function cpuMicroseconds({ processes }: Candidate): Promise<number> {
  const all = await Promise.all(processes.map((process) => process.usage()));
  return all.reduce((sum, usage) => sum + usage.cpuMicroseconds, 0);
}

/** By the server that it calls, so far. */
async function socketsAccepted({ called }: Candidate): Promise<number> {
  return (await called?.usage())?.socketsAccepted ?? 0;
}

async function residentBytes({ processes }: Candidate): Promise<number> {
  const all = await Promise.all(processes.map((process) => process.usage()));
  return all.reduce((sum, { rssBytes }) => sum + rssBytes, 0);
}

import type { Plan } from './plan';
import type { Running } from './processes';
import type { LoadJob, LoadResult } from './protocol';
import { summarize, type Summary } from './statistics';

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

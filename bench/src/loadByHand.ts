/** Load that autocannon cannot make: a TLS handshake for each request, and requests that are sent evenly. */
import http from 'node:http';
import https from 'node:https';
import { TLSSocket } from 'node:tls';
import { setTimeout as wait } from 'node:timers/promises';
import type { Amount, LoadJob, LoadResult } from './protocol';

/** Counts answers and their latencies, and knows when the load is over. */
class Tally {
  readonly statuses: Record<string, number> = {};
  errors = 0;
  resumed = 0;
  readonly startedAt = performance.now();
  readonly #milliseconds: number[] = [];
  #sent = 0;

  constructor(private readonly amount: Amount) {}

  get seconds(): number {
    return (performance.now() - this.startedAt) / 1_000;
  }

  /** Whether to send one more request. */
  takeNext(): boolean {
    const { amount } = this;
    if ('seconds' in amount ? this.seconds >= amount.seconds : this.#sent >= amount.requests) return false;
    this.#sent += 1;
    return true;
  }

  answered(status: number, milliseconds: number): void {
    this.statuses[status] = (this.statuses[status] ?? 0) + 1;
    this.#milliseconds.push(milliseconds);
  }

  result(): LoadResult {
    const sorted = this.#milliseconds.sort((one, other) => one - other);
    const percentile = (share: number) => sorted[Math.floor((sorted.length - 1) * share)] ?? NaN;
    const { statuses, errors, seconds, resumed } = this;
    return { statuses, errors, seconds, resumed, latency: { p50: percentile(0.5), p99: percentile(0.99) } };
  }
}

export async function runByHand(job: LoadJob): Promise<LoadResult> {
  const { connections, handshakes, tls, url } = job;
  const options = {
    keepAlive: handshakes === undefined,
    maxSockets: connections,
    maxCachedSessions: handshakes === 'resumed' ? 1 : 0,
    ...tls,
  };
  const agent = url.startsWith('https:') ? new https.Agent(options) : new http.Agent(options);
  const tally = new Tally(job.amount);
  await (job.requestsPerSecond === undefined
    ? Promise.all(Array.from({ length: connections }, () => sendInTurn(job, agent, tally)))
    : sendEvenly(job, job.requestsPerSecond, agent, tally));
  const result = tally.result();
  agent.destroy();
  return result;
}

async function sendInTurn(job: LoadJob, agent: http.Agent, tally: Tally): Promise<void> {
  while (tally.takeNext()) await send(job, agent, tally, performance.now());
}

/** Sends each request at its time. Its latency starts then, also if it has to wait for a connection. */
async function sendEvenly(job: LoadJob, perSecond: number, agent: http.Agent, tally: Tally): Promise<void> {
  const open: Promise<void>[] = [];
  let due = tally.startedAt;
  let more = true;
  while (more) {
    await wait(1);
    for (; more && due <= performance.now(); due += 1_000 / perSecond) {
      more = tally.takeNext();
      if (more) open.push(send(job, agent, tally, due));
    }
  }
  await Promise.all(open);
}

function send(
  { url, method = 'GET', headers, body }: LoadJob,
  agent: http.Agent,
  tally: Tally,
  since: number,
): Promise<void> {
  const length = body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) };
  const options = { method, agent, headers: { ...headers, ...length } };
  return new Promise((resolve) => {
    const failed = () => {
      tally.errors += 1;
      resolve();
    };
    const request = (url.startsWith('https:') ? https : http).request(url, options, (response) => {
      if (response.socket instanceof TLSSocket && response.socket.isSessionReused()) tally.resumed += 1;
      response.resume();
      response.once('error', failed);
      response.once('end', () => {
        tally.answered(response.statusCode ?? 0, performance.now() - since);
        resolve();
      });
    });
    request.once('error', failed);
    request.end(body);
  });
}

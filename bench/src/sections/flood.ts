import { check, waitUntilReady } from '../checks';
import { type Contestant, countAnswers, find, runContest } from '../contest';
import { mebibytes, times, whole } from '../format';
import type { Running } from '../processes';
import type { LoadJob } from '../protocol';
import { program, server } from '../recipes';
import type { Bench, Findings } from '../section';
import { summarize, type Summary } from '../statistics';
import { walletJob } from './wallet';

const goodBySdk = 'the SDK verifies a good token';
const forged = 'ours refuses forged tokens';
const garbage = 'ours refuses garbage';

/** What tokens that are none cost the wallet server, and those who call it with good ones meanwhile. */
export async function measureFlood(bench: Bench): Promise<Findings> {
  const { plan, processes, localStytch, send } = bench;
  const accessToken = await localStytch.accessToken();
  const sdk = await processes.start(server('walletSdk', localStytch.seed));
  const wallet = await processes.start(program('wallet-server', localStytch.seed));
  await waitUntilReady(wallet);
  const contestant = (name: string, running: Running, extra: Partial<LoadJob> = {}): Contestant => ({
    name,
    isOurs: running === wallet,
    job: { ...walletJob(running.url, accessToken), ...extra },
    expected: extra.badTokens ? 401 : 200,
    processes: [running],
  });
  const bad = (kind: 'forged' | 'garbage') => ({ badTokens: { kind, model: accessToken } });
  await check(walletJob(sdk.url, 'garbage'), { status: 401 });
  const measured = await runContest(
    [
      contestant(goodBySdk, sdk),
      contestant('ours accepts a good token', wallet),
      contestant(forged, wallet, bad('forged')),
      contestant(garbage, wallet, bad('garbage')),
    ],
    plan,
    send,
  );
  await sdk.stop();
  const share = await measureShare(bench, wallet, accessToken);
  await wallet.stop();
  const memory = await measureMemory(bench, accessToken);

  const yardstick = find(measured, goodBySdk).cpuMicroseconds.median;
  const cost = (name: string) => find(measured, name).cpuMicroseconds.median / yardstick;
  return {
    figures: { cpu: measured, share, memory },
    tables: [
      {
        title: 'forged tokens: what a request costs the wallet server (each bad token is another)',
        columns: ['', 'CPU us/request', 'min..max', 'of the SDK', 'requests/s'],
        rows: measured.map(({ name, cpuMicroseconds: cpu, requestsPerSecond }) => [
          name,
          whole(cpu.median),
          `${whole(cpu.min)}..${whole(cpu.max)}`,
          times(cpu.median / yardstick),
          whole(requestsPerSecond.median),
        ]),
      },
      {
        title: `a flood of ${whole(plan.forgedTokens)} different forged tokens`,
        columns: ['', 'MiB before', 'MiB after', 'growth'],
        rows: [
          memoryRow('heap after garbage collection', memory.heapBytes),
          memoryRow('resident set', memory.residentBytes),
        ],
      },
      {
        title: 'good callers beside a flood (half of the connections each)',
        columns: ['', 'requests/s', 'min..max'],
        rows: [
          shareRow('good callers, beside other good callers', share.besideGood),
          shareRow('good callers, beside forged tokens', share.besideFlood),
          shareRow('forged tokens', share.flood),
        ],
      },
    ],
    charts: [
      {
        name: 'forged',
        title: 'CPU of the wallet server for one request',
        bars: measured.map(({ name, isOurs, cpuMicroseconds }) => ({
          label: name,
          value: cpuMicroseconds.median,
          text: `${whole(cpuMicroseconds.median)} us`,
          ours: isOurs,
        })),
      },
    ],
    targets: [
      most('forged: CPU of a forged token, to SDK verification of a good one', cost(forged), 1, 'x'),
      most('forged: CPU of garbage, to SDK verification of a good token', cost(garbage), 1, 'x'),
      most(
        `forged: heap that ${whole(plan.forgedTokens)} different tokens leave behind`,
        (memory.heapBytes.after - memory.heapBytes.before) / 1_048_576,
        10,
        ' MiB',
      ),
      {
        what: 'forged: share of the answers that good callers on half of the connections get (0.5 within noise)',
        measured: share.besideFlood.median / (share.besideFlood.median + share.flood.median),
        limit: 0.49,
        bound: 'least',
        unit: '',
      },
    ],
  };
}

type HalfLoad = Omit<LoadJob, 'amount'>;

/** Requests/s of good callers on half of the connections, by turns beside good callers and beside a flood. */
async function measureShare({ plan, send }: Bench, { url, name }: Running, accessToken: string) {
  const good = { ...walletJob(url, accessToken), connections: Math.floor(plan.connections / 2) };
  const flood = { ...good, badTokens: { kind: 'forged', model: accessToken } } as const;
  const rates = async (...jobs: [HalfLoad, HalfLoad]): Promise<[number, number]> => {
    await send(jobs.map((job) => ({ ...job, amount: plan.warmUp })));
    const results = await send(jobs.map((job) => ({ ...job, amount: plan.run })));
    const [one = NaN, other = NaN] = results.map(
      (result, index) =>
        countAnswers({ name, expected: jobs[index]?.badTokens ? 401 : 200 }, result) / result.seconds,
    );
    return [one, other];
  };
  const rounds: { besideGood: number; besideFlood: number; flood: number }[] = [];
  for (let round = 0; round < plan.rounds; round += 1) {
    const [one, other] = await rates(good, good);
    const [besideFlood, ofFlood] = await rates(good, flood);
    rounds.push({ besideGood: (one + other) / 2, besideFlood, flood: ofFlood });
  }
  return {
    besideGood: summarize(rounds.map(({ besideGood }) => besideGood)),
    besideFlood: summarize(rounds.map(({ besideFlood }) => besideFlood)),
    flood: summarize(rounds.map((round) => round.flood)),
    rounds,
  };
}

interface Growth {
  before: number;
  after: number;
}

/** Memory of a wallet server that has answered some good requests, before and after the flood. */
async function measureMemory({ plan, processes, localStytch, send }: Bench, accessToken: string) {
  const wallet = await processes.start(program('wallet-server', localStytch.seed));
  await waitUntilReady(wallet);
  const job = { ...walletJob(wallet.url, accessToken), connections: plan.connections };
  await send([{ ...job, amount: plan.warmUp }]);
  const before = await wallet.usage('collect');
  const [result] = await send([
    { ...job, amount: { requests: plan.forgedTokens }, badTokens: { kind: 'forged', model: accessToken } },
  ]);
  if (result) countAnswers({ name: wallet.name, expected: 401 }, result);
  const after = await wallet.usage('collect');
  await wallet.stop();
  return {
    heapBytes: { before: before.heapBytes, after: after.heapBytes },
    residentBytes: { before: before.rssBytes, after: after.rssBytes },
  };
}

function memoryRow(what: string, { before, after }: Growth): string[] {
  return [what, mebibytes(before), mebibytes(after), mebibytes(after - before)];
}

function shareRow(who: string, { median, min, max }: Summary): string[] {
  return [who, whole(median), `${whole(min)}..${whole(max)}`];
}

function most(what: string, measured: number, limit: number, unit: string) {
  return { what, measured, limit, bound: 'most', unit } as const;
}

import { waitUntilReady } from '../checks';
import { countAnswers } from '../comparison';
import type { Running } from '../processes';
import type { LoadJob } from '../protocol';
import { program } from '../recipes';
import type { Bench } from '../section';
import { summarize } from '../statistics';
import { walletJob } from './wallet';

export interface Growth {
  before: number;
  after: number;
}

type HalfLoad = Omit<LoadJob, 'amount'>;

/** Requests/s of valid tokens on half of the connections, in turn beside valid tokens and beside a flood. */
export async function measureShare({ plan, send }: Bench, { url, name }: Running, accessToken: string) {
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

/** The memory of a wallet server before and after the flood, after a warm-up with a valid token. */
export async function measureMemory({ plan, processes, localStytch, send }: Bench, accessToken: string) {
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

import { waitUntilReady } from '../checks';
import { countAnswers } from '../comparison';
import { whole } from '../format';
import { describeAmount } from '../plan';
import type { Running } from '../processes';
import type { LoadJob } from '../protocol';
import { program, type Recipe, server } from '../recipes';
import type { Bench, Findings } from '../section';

const ours = 'ours';
/** The default lifetime of a token, here and at Stytch. Seconds. */
const usualLifetime = 3_600;
/** Delay of the token endpoint on a cold cache. Without it the last callers would find a token in the cache. */
const coldDelayMilliseconds = 500;

/** The requests that a token cache makes to the token endpoint. */
interface TokenCount {
  name: string;
  isOurs: boolean;
  /** Token requests of `coldCallers` parallel callers with an empty cache. */
  cold: number;
  /** Token requests under load, with a cached token that lives an hour. */
  hour: number;
  hourPayments: number;
  /** Token requests under load, with short-lived tokens and an empty cache at the start. */
  short: number;
  shortPayments: number;
}

/** Counts the requests that reach the token endpoint. The load is payments, with one stub as the wallet server. */
export async function measureTokens(bench: Bench): Promise<Findings> {
  const { plan, processes, localStytch } = bench;
  const { coldCallers, hourTokenLoad, shortTokenLoad, shortTokenSeconds } = plan;
  const stub = await processes.start(server('walletStub'));
  const environment = { ...localStytch.seed, WALLET_SERVER_URL: stub.url };
  const recipes: [string, Recipe][] = [
    [ours, program('payment-server', environment)],
    ['the tutorial (node-cache)', server('paymentTutorial', environment)],
    ['as google-auth-library does', server('paymentGoogleStyle', environment)],
    ['as msal-node does', server('paymentMsalStyle', environment)],
  ];
  const counts: TokenCount[] = [];
  for (const [name, recipe] of recipes) counts.push(await countTokens(bench, name, recipe));
  await stub.stop();

  const { cold, short } = counts.find(({ isOurs }) => isOurs) ?? { cold: NaN, short: NaN };
  return {
    figures: counts,
    tables: [
      {
        title: 'tokens: requests that reach the token endpoint',
        columns: [
          'token cache',
          `${whole(coldCallers)} callers, cold`,
          `1 h tokens, ${describeAmount(hourTokenLoad)}`,
          'payments',
          `${shortTokenSeconds} s tokens, ${describeAmount(shortTokenLoad)}`,
          'payments',
        ],
        rows: counts.map((count) => [
          count.name,
          whole(count.cold),
          whole(count.hour),
          whole(count.hourPayments),
          whole(count.short),
          whole(count.shortPayments),
        ]),
        notes: [
          'The last two treat a token as expired five minutes early, which fits the tokens of an hour for which they',
          'are made. With tokens that live 5 s, a request is always in flight, or each call makes one.',
        ],
      },
    ],
    charts: [
      {
        name: 'tokens',
        title: `Token requests for ${whole(coldCallers)} concurrent callers on a cold cache`,
        bars: counts.map((count) => ({
          label: count.name,
          value: count.cold,
          text: whole(count.cold),
          ours: count.isOurs,
        })),
      },
    ],
    targets: [
      {
        what: `tokens: requests for ${whole(coldCallers)} concurrent callers on a cold cache`,
        measured: cold,
        limit: 1,
        bound: 'most',
        unit: '',
      },
      {
        what: `tokens: requests in ${describeAmount(shortTokenLoad)} with ${shortTokenSeconds} s tokens, one for each lifetime and the first`,
        measured: short,
        limit: 1 + ('seconds' in shortTokenLoad ? Math.floor(shortTokenLoad.seconds / shortTokenSeconds) : 0),
        bound: 'most',
        unit: '',
      },
    ],
  };
}

async function countTokens(bench: Bench, name: string, recipe: Recipe): Promise<TokenCount> {
  const { plan, processes, localStytch } = bench;
  const isOurs = name === ours;
  const startCold = async () => {
    const running = await processes.start(recipe);
    if (isOurs) await waitUntilReady(running);
    await localStytch.forgetRequests();
    return running;
  };

  const running = await startCold();
  await localStytch.delayTokens(coldDelayMilliseconds);
  await pay(bench, running, { connections: plan.coldCallers, amount: { requests: plan.coldCallers } });
  await localStytch.clearFaults();
  const cold = await localStytch.tokenRequests();
  await localStytch.forgetRequests();
  const hourPayments = await pay(bench, running, {
    connections: plan.connections,
    amount: plan.hourTokenLoad,
  });
  const hour = await localStytch.tokenRequests();
  await running.stop();

  await localStytch.setTokenLifetime(plan.shortTokenSeconds);
  const again = await startCold();
  const shortPayments = await pay(bench, again, {
    connections: plan.connections,
    amount: plan.shortTokenLoad,
  });
  const short = await localStytch.tokenRequests();
  await again.stop();
  await localStytch.setTokenLifetime(usualLifetime);
  return { name, isOurs, cold, hour, hourPayments, short, shortPayments };
}

/** @returns the number of payments. */
async function pay({ send }: Bench, { name, url }: Running, load: Omit<LoadJob, 'url'>): Promise<number> {
  const [result] = await send([{ url: `${url}/initiate-payment`, ...load }]);
  return result ? countAnswers({ name, expected: 200 }, result) : 0;
}

import { waitUntilReady } from '../checks';
import { countAnswers } from '../comparison';
import { whole } from '../format';
import { describeAmount } from '../plan';
import type { Running } from '../processes';
import type { LoadJob } from '../protocol';
import { program, type Recipe, server } from '../recipes';
import type { Bench, Findings } from '../section';

const ours = 'ours';
/** How long a token lives unless it is told otherwise, here and at Stytch. Seconds. */
const usualLifetime = 3_600;
/** How much longer the token endpoint takes on a cold cache, or the last callers would find a warm one. */
const coldDelayMilliseconds = 500;

/** What one way to get and keep access tokens asks of the token endpoint. */
interface TokenCount {
  name: string;
  isOurs: boolean;
  /** Token requests for `coldCallers` at once, with an empty cache. */
  cold: number;
  /** Token requests under load, once there is a token that lives an hour. */
  hour: number;
  hourPayments: number;
  /** Token requests under load, from a cold cache on, with short-lived tokens. */
  short: number;
  shortPayments: number;
}

/** Token requests that reach the token endpoint. All sources are asked by payments, against one stub. */
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
          'way to keep tokens',
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
          'The last two take a token as ended five minutes before it is, which fits the tokens of an hour that their',
          'makers issue. With tokens that live 5 s a request is always under way, or one is made for each call.',
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
        what: `tokens: requests in ${describeAmount(shortTokenLoad)} with ${shortTokenSeconds} s tokens, one for each life and the first`,
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
  await localStytch.mend();
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

/** @returns how many payments were made. */
async function pay({ send }: Bench, { name, url }: Running, load: Omit<LoadJob, 'url'>): Promise<number> {
  const [result] = await send([{ url: `${url}/initiate-payment`, ...load }]);
  return result ? countAnswers({ name, expected: 200 }, result) : 0;
}

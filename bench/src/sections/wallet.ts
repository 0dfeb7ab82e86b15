import { check, waitUntilReady } from '../checks';
import { type Candidate, find, runComparison } from '../comparison';
import { mebibytes } from '../format';
import { program, type Recipe, server } from '../recipes';
import { type Bench, comparisonChart, comparisonTable, type Findings } from '../section';

const body = JSON.stringify({ customerId: '67uhjio098uhgt6l' });
export const wallet = { customerName: 'john_doe', walletId: 'oipk9ifgl7yto9w', walletBalance: 1790 };

export const ours = 'ours, as it ships';
export const open = 'Express 5, open to anyone';
export const sameClasses = 'Express 5 with our classes, open';
const tutorial = 'the tutorial';
const jwtBearer = 'express-oauth2-jwt-bearer';

/** The requests to a wallet server. */
export function walletJob(url: string, accessToken: string): Candidate['job'] {
  return {
    url: `${url}/api/check-balance`,
    method: 'POST',
    headers: { Authorization: `Bearer ${accessToken}`, 'Content-Type': 'application/json' },
    body,
  };
}

/** POST /api/check-balance with a valid access token. */
export async function measureWallet({ plan, processes, localStytch, send }: Bench): Promise<Findings> {
  const accessToken = await localStytch.accessToken();
  /** `refusal`: the status for a garbage token. Undefined if the server does not check tokens. */
  const entries: { name: string; recipe: Recipe; refusal?: number }[] = [
    { name: ours, recipe: program('wallet-server', localStytch.seed), refusal: 401 },
    { name: open, recipe: server('walletExpress') },
    { name: sameClasses, recipe: server('walletParts') },
    { name: 'node:http, open to anyone', recipe: server('walletNodeHttp') },
    { name: tutorial, recipe: server('walletTutorial', localStytch.seed), refusal: 500 },
    { name: jwtBearer, recipe: server('walletOauth2JwtBearer', localStytch.seed), refusal: 401 },
    { name: 'fast-jwt with its cache', recipe: server('walletFastJwt', localStytch.seed), refusal: 401 },
  ];
  const start = async ({ name, recipe, refusal }: (typeof entries)[number]): Promise<Candidate> => {
    const running = await processes.start(recipe);
    if (recipe.name === 'wallet-server') await waitUntilReady(running);
    const job = walletJob(running.url, accessToken);
    await check(job, { status: 200, json: wallet });
    if (refusal !== undefined) await check(walletJob(running.url, 'garbage'), { status: refusal });
    return { name, isOurs: name === ours, job, expected: 200, processes: [running] };
  };
  const candidates = await Promise.all(entries.map(start));
  const measured = await runComparison(candidates, plan, send);
  await Promise.all(candidates.flatMap(({ processes: all }) => all.map((running) => running.stop())));

  const speed = find(measured, ours).requestsPerSecond.median;
  const overs = (name: string) => speed / find(measured, name).requestsPerSecond.median;
  const memory = (name: string) => Number(mebibytes(find(measured, name).memory.afterLoadBytes));
  return {
    figures: measured,
    tables: [comparisonTable('wallet: POST /api/check-balance with a valid token', measured)],
    charts: [comparisonChart('wallet', 'Wallet: requests/s with a valid access token', measured)],
    targets: [
      least('wallet: requests/s, ours to Express 5 open to anyone (goal 1.0)', overs(open), 0.9),
      least('wallet: requests/s, ours to the tutorial', overs(tutorial), 2.2),
      least('wallet: requests/s, ours to express-oauth2-jwt-bearer', overs(jwtBearer), 1.6),
      {
        what: "wallet: memory after load, at most the tutorial's",
        measured: memory(ours),
        limit: memory(tutorial),
        bound: 'most',
        unit: ' MiB',
      },
      { what: 'wallet: memory after load', measured: memory(ours), limit: 100, bound: 'most', unit: ' MiB' },
    ],
  };
}

function least(what: string, measured: number, limit: number) {
  return { what, measured, limit, bound: 'least', unit: 'x' } as const;
}

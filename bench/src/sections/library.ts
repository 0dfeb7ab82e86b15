import { once } from 'node:events';
import { createServer, IncomingMessage, ServerResponse } from 'node:http';
import { type AddressInfo, Socket } from 'node:net';
import { Client } from 'stytch';
import { startLocalStytch } from '../../../packages/local-stytch/dist/startLocalStytch';
import {
  AccessTokenProvider,
  ClientCredentials,
  createAuthorizer,
  stytchConfig,
} from '../../../packages/stytch-m2m/dist';
import { fetchWithToken } from '../../../packages/stytch-m2m/dist/client/fetchWithToken';
import type { Bench, Findings } from '../section';
import { summarize, type Summary } from '../statistics';

/** A call of the library, and how often it is made in a round: a request over the network takes much longer. */
interface Candidate {
  name: string;
  call: () => unknown;
  share: number;
}

/** Measures what one call of stytch-m2m takes, with a cached token, inside one process. */
export async function measureLibrary({ plan }: Bench): Promise<Findings> {
  const stytch = await startLocalStytch();
  const server = createServer((_request, response) => response.end('ok')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const measured: { name: string; microseconds: Summary }[] = [];
    for (const { name, call, share } of await createCandidates(stytch, url)) {
      const calls = Math.ceil(plan.libraryCalls * share);
      await microsecondsOf(call, calls);
      const rounds: number[] = [];
      for (let round = 0; round < plan.rounds; round += 1) rounds.push(await microsecondsOf(call, calls));
      measured.push({ name, microseconds: summarize(rounds) });
    }
    return {
      figures: measured,
      tables: [
        {
          title: `stytch-m2m: microseconds a call, with a cached token, ${plan.rounds} rounds`,
          columns: ['', 'us', 'min..max'],
          rows: measured.map(({ name, microseconds: { median, min, max } }) => [
            name,
            median.toFixed(2),
            `${min.toFixed(2)}..${max.toFixed(2)}`,
          ]),
          notes: ['fetch and fetchWithToken call a server in the same process, one call after the other.'],
        },
      ],
      charts: [],
      targets: [],
    };
  } finally {
    server.close();
    server.closeAllConnections();
    await stytch.close();
  }
}

async function createCandidates(
  { env, projectId, url: baseUrl }: Awaited<ReturnType<typeof startLocalStytch>>,
  url: string,
): Promise<Candidate[]> {
  const provider = new AccessTokenProvider({
    client: new Client(stytchConfig({ projectId, secret: env.STYTCH_SECRET, baseUrl })),
    credentials: new ClientCredentials(env.CLIENT_ID, env.CLIENT_SECRET),
  });
  const authorizer = createAuthorizer({ projectId, baseUrl, realm: 'bench' });
  const { accessToken } = await provider.getAccessToken('read:users');
  const request = new IncomingMessage(new Socket());
  request.headers = { host: 'localhost', authorization: `Bearer ${accessToken}` };
  request.rawHeaders = ['Host', 'localhost', 'Authorization', `Bearer ${accessToken}`];
  const response = new ServerResponse(request);
  const middleware = authorizer.authorizeToken('read:users');
  const next = (error?: unknown) => {
    if (error instanceof Error) throw error;
  };
  await authorizer.authorize(request, 'read:users');
  const withToken = fetchWithToken(provider, { scopes: 'read:users', origin: url });
  const read = async (answer: Promise<Response>) => (await answer).text();
  return [
    {
      name: 'authorizeToken (middleware)',
      call: () => {
        middleware(request, response, next);
      },
      share: 1,
    },
    { name: 'authorize', call: () => authorizer.authorize(request, 'read:users'), share: 1 },
    { name: 'getAccessToken', call: () => provider.getAccessToken('read:users'), share: 1 },
    { name: 'fetch, for comparison', call: () => read(fetch(url)), share: 0.1 },
    { name: 'fetchWithToken', call: () => read(withToken(url)), share: 0.1 },
  ];
}

/** The mean time of a call in microseconds. The calls are made one after the other. */
async function microsecondsOf(call: () => unknown, calls: number): Promise<number> {
  const before = performance.now();
  for (let made = 0; made < calls; made += 1) {
    const result = call();
    if (result instanceof Promise) await result;
  }
  return ((performance.now() - before) * 1_000) / calls;
}

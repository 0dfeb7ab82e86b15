import { check, waitUntilReady } from '../checks';
import { type Candidate, find, runComparison } from '../comparison';
import { mebibytes, times, whole } from '../format';
import type { Running } from '../processes';
import type { LoadJob } from '../protocol';
import { program, server } from '../recipes';
import type { Bench, Findings } from '../section';
import type { Summary } from '../statistics';
import { type Growth, measureMemory, measureShare } from './floodMeasures';
import { walletJob } from './wallet';

const goodBySdk = 'the SDK verifies a good token';
const forged = 'ours refuses forged tokens';
const garbage = 'ours refuses garbage';

/** What bad tokens cost the wallet server and its callers with valid tokens. */
export async function measureFlood(bench: Bench): Promise<Findings> {
  const { plan, processes, localStytch, send } = bench;
  const accessToken = await localStytch.accessToken();
  const sdk = await processes.start(server('walletSdk', localStytch.seed));
  const wallet = await processes.start(program('wallet-server', localStytch.seed));
  await waitUntilReady(wallet);
  const candidate = (name: string, running: Running, extra: Partial<LoadJob> = {}): Candidate => ({
    name,
    isOurs: running === wallet,
    job: { ...walletJob(running.url, accessToken), ...extra },
    expected: extra.badTokens ? 401 : 200,
    processes: [running],
  });
  const bad = (kind: 'forged' | 'garbage') => ({ badTokens: { kind, model: accessToken } });
  await check(walletJob(sdk.url, 'garbage'), { status: 401 });
  const measured = await runComparison(
    [
      candidate(goodBySdk, sdk),
      candidate('ours accepts a good token', wallet),
      candidate(forged, wallet, bad('forged')),
      candidate(garbage, wallet, bad('garbage')),
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
        title: 'forged tokens: the cost of a request to the wallet server (each bad token is different)',
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
        title: 'callers with valid tokens during a flood (half of the connections each)',
        columns: ['', 'requests/s', 'min..max'],
        rows: [
          shareRow('valid tokens, beside other valid tokens', share.besideGood),
          shareRow('valid tokens, beside forged tokens', share.besideFlood),
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

function memoryRow(what: string, { before, after }: Growth): string[] {
  return [what, mebibytes(before), mebibytes(after), mebibytes(after - before)];
}

function shareRow(who: string, { median, min, max }: Summary): string[] {
  return [who, whole(median), `${whole(min)}..${whole(max)}`];
}

function most(what: string, measured: number, limit: number, unit: string) {
  return { what, measured, limit, bound: 'most', unit } as const;
}

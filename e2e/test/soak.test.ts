import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import autocannon from 'autocannon';
import type { Program } from '../../tools/src/program';
import { fullSpeed, paid } from '../helpers/calls';
import { World } from '../helpers/harness';
import type { StytchAdmin } from '../helpers/stytchAdmin';

/** How long the load lasts: SOAK_SECONDS=60 for the full measure. */
const seconds = Number(process.env.SOAK_SECONDS ?? 6);
const tokenLifetimeSeconds = 5;
/** From its request on a token is used for so long at least: half a second for each part of its margins. */
const shortestUseSeconds = 2.5;
/** In which all code that is used comes to be loaded and compiled. */
const warmUpSeconds = 2;
const mebibyte = 1024 * 1024;
const preload = pathToFileURL(join(__dirname, '..', 'helpers', 'reportHeap.mjs')).href;
const reporting = { NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --import ${preload}` };

jest.setTimeout((seconds + 60) * 1_000);

describe('A long time under load, with tokens that live 5 s', () => {
  const world = new World();
  let stytch: StytchAdmin;
  let wallet: Program;
  let payment: Program;

  beforeAll(async () => {
    stytch = await world.startStytch();
    await stytch.setTokenLifetime(tokenLifetimeSeconds);
    wallet = await world.startWallet(reporting);
    payment = await world.startPayment(wallet, reporting);
  });
  afterAll(() => world.stop());

  test('When 50 connections pay without a pause, then no payment fails, tokens are few, and no heap grows', async () => {
    const end = new AbortController();
    const heaps = Promise.all([sampleHeap(payment, end.signal), sampleHeap(wallet, end.signal)]);
    const startedAt = Date.now();

    const result = await autocannon({
      url: `${payment.url}/initiate-payment`,
      connections: 50,
      duration: seconds,
      ...(!fullSpeed && { overallRate: 400 }),
      expectBody: JSON.stringify(paid.code),
    });
    end.abort();
    const tokenRequests = await stytch.tokenRequests();
    const useLives = Math.ceil((Date.now() - startedAt) / 1_000 / shortestUseSeconds);
    const [paymentHeap, walletHeap] = (await heaps).map(compareEnds) as [Growth, Growth];
    process.stdout.write(
      `soak: ${result['2xx']} payments in ${seconds} s, p99 ${result.latency.p99} ms; ` +
        `${tokenRequests} token requests; heap of the payment-server ${describeGrowth(paymentHeap)}, ` +
        `of the wallet-server ${describeGrowth(walletHeap)}; ${world.lines} log lines searched\n`,
    );

    const { non2xx, errors, timeouts, mismatches } = result;
    expect({ non2xx, errors, timeouts, mismatches }).toEqual({
      non2xx: 0,
      errors: 0,
      timeouts: 0,
      mismatches: 0,
    });
    expect(result['2xx']).toBeGreaterThan(seconds * 10);
    expect(tokenRequests).toBeGreaterThanOrEqual(Math.floor(seconds / tokenLifetimeSeconds));
    expect(tokenRequests).toBeLessThanOrEqual(1 + useLives);
    for (const { early, late } of [paymentHeap, walletHeap]) {
      expect(early).toBeGreaterThan(mebibyte);
      expect(late - early).toBeLessThan(5 * mebibyte);
    }
    expect(await world.violations()).toEqual([]);
  });
});

interface Growth {
  early: number;
  late: number;
}

/** The bytes of heap in use, twice a second, each time after a collection. */
async function sampleHeap({ process: program }: Program, signal: AbortSignal): Promise<number[]> {
  const samples: number[] = [];
  program.on('message', ({ heapBytes }: { heapBytes: number }) => samples.push(heapBytes));
  while (!signal.aborted) {
    program.kill('SIGUSR2');
    await wait(500);
  }
  return samples;
}

/** The least heap of an early third and of the last, once the program has warmed up. */
function compareEnds(samples: readonly number[]): Growth {
  const warm = samples.slice(warmUpSeconds * 2);
  const third = Math.floor(warm.length / 3);
  return { early: Math.min(...warm.slice(0, third)), late: Math.min(...warm.slice(-third)) };
}

function describeGrowth({ early, late }: Growth): string {
  return [early, late].map((bytes) => `${(bytes / mebibyte).toFixed(1)} MiB`).join(' then ');
}

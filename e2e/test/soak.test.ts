import { setTimeout as wait } from 'node:timers/promises';
import type { Program } from '../../tools/src/program';
import { fullSpeed } from '../helpers/calls';
import { World } from '../helpers/harness';
import { expectAllPaid, memoryReporting, payUnderLoad } from '../helpers/soak';
import type { StytchAdmin } from '../helpers/stytchAdmin';

/** The duration of the load. SOAK_SECONDS=60 is the full test. */
const seconds = Number(process.env.SOAK_SECONDS ?? 6);
const tokenLifetimeSeconds = 5;
/** The earliest refresh: 5 s less the safety margins of 1.5 s and the longest refresh window of 1 s. */
const shortestUseSeconds = 2.5;
/** By then all code is loaded and compiled. */
const warmUpSeconds = 2;
const mebibyte = 1024 * 1024;

jest.setTimeout((seconds + 60) * 1_000);

describe('Load over a long time, with tokens that live 5 s', () => {
  const world = new World();
  let stytch: StytchAdmin;
  let wallet: Program;
  let payment: Program;

  beforeAll(async () => {
    ({ stytch, wallet, payment } = await world.startServices(memoryReporting));
    await stytch.setTokenLifetime(tokenLifetimeSeconds);
  });
  afterAll(() => world.stop());

  test('When 50 connections make payments, then none fails, few tokens are requested, and no heap grows', async () => {
    const end = new AbortController();
    const heaps = Promise.all([sampleHeap(payment, end.signal), sampleHeap(wallet, end.signal)]);
    const startedAt = Date.now();

    const result = await payUnderLoad(payment, seconds, fullSpeed ? {} : { overallRate: 400 });
    end.abort();
    const tokenRequests = await stytch.tokenRequests();
    const mostRefreshes = Math.ceil((Date.now() - startedAt) / 1_000 / shortestUseSeconds);
    const [paymentHeap, walletHeap] = (await heaps).map(compareEnds) as [Growth, Growth];
    process.stdout.write(
      `soak: ${result['2xx']} payments in ${seconds} s, p99 ${result.latency.p99} ms; ` +
        `${tokenRequests} token requests; heap of the payment-server ${describeGrowth(paymentHeap)}, ` +
        `of the wallet-server ${describeGrowth(walletHeap)}; ${world.lines} log lines searched\n`,
    );

    expectAllPaid(result, seconds);
    expect(tokenRequests).toBeGreaterThanOrEqual(Math.floor(seconds / tokenLifetimeSeconds));
    expect(tokenRequests).toBeLessThanOrEqual(1 + mostRefreshes);
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

/** Measures the heap in use twice a second, after a garbage collection. Bytes. */
async function sampleHeap({ process: program }: Program, signal: AbortSignal): Promise<number[]> {
  const samples: number[] = [];
  program.on('message', ({ heapBytes }: { heapBytes: number }) => samples.push(heapBytes));
  while (!signal.aborted) {
    program.kill('SIGUSR2');
    await wait(500);
  }
  return samples;
}

/** The smallest heap in the first and in the last third of the samples after the warm-up. */
function compareEnds(samples: readonly number[]): Growth {
  const warm = samples.slice(warmUpSeconds * 2);
  const third = Math.floor(warm.length / 3);
  return { early: Math.min(...warm.slice(0, third)), late: Math.min(...warm.slice(-third)) };
}

function describeGrowth({ early, late }: Growth): string {
  return [early, late].map((bytes) => `${(bytes / mebibyte).toFixed(1)} MiB`).join(' then ');
}

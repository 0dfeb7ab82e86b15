import { join } from 'node:path';
import { connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import autocannon from 'autocannon';
import type { Program } from '../../tools/src/program';
import { paid, until } from '../helpers/calls';
import { World } from '../helpers/harness';
import type { StytchAdmin } from '../helpers/stytchAdmin';

/** How long the load lasts: SOAK_SECONDS=60 for the full measure. */
const seconds = Number(process.env.SOAK_SECONDS ?? 60);
/** The most memory that a process may ever have had, in kB. */
const mostMemory = 384 * 1024;
/** How long a server may take to stop: its drain time and what a busy machine adds. Milliseconds. */
const longestStop = 10_000 + 2_000;
/** What one connection of an attacker sends at once. */
const pipelined = 5_000;
const preload = pathToFileURL(join(__dirname, '..', 'helpers', 'reportHeap.mjs')).href;
const reporting = { NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --import ${preload}` };

jest.setTimeout((seconds + 90) * 1_000);

/** A caller who sends requests without an end, and comes again as often as it is thrown out. */
class Flood {
  readonly #text: string;
  #socket: Socket | undefined;
  connections = 0;
  bytesSent = 0;

  constructor(
    private readonly target: URL,
    request: string,
    private readonly readsAnswers: boolean,
  ) {
    this.#text = request.repeat(pipelined);
    this.#connect();
  }

  stop(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.destroy();
  }

  #connect(): void {
    this.connections += 1;
    const socket = connect(Number(this.target.port), this.target.hostname);
    this.#socket = socket;
    const write = () => {
      while (socket.writable && socket.write(this.#text)) this.bytesSent += this.#text.length;
    };
    if (this.readsAnswers) socket.resume();
    socket.on('connect', write);
    socket.on('drain', write);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      if (this.#socket !== socket) return;
      setTimeout(() => {
        if (this.#socket) this.#connect();
      }, 100);
    });
  }
}

describe('A long time under load and attack', () => {
  const world = new World();
  const floods: Flood[] = [];
  let stytch: StytchAdmin;
  let wallet: Program;
  let payment: Program;

  beforeAll(async () => {
    stytch = await world.startStytch();
    // A token is refreshed while Stytch hangs, and lasts to the end.
    await stytch.setTokenLifetime(seconds * 1.25);
    wallet = await world.startWallet(reporting);
    payment = await world.startPayment(wallet, reporting);
  });
  afterAll(async () => {
    for (const flood of floods) flood.stop();
    await world.stop();
  });

  test('When the log is no longer read, Stytch hangs, and others flood both servers, then no payment of 50 callers fails, memory is bounded, and a stop works', async () => {
    const load = autocannon({
      url: `${payment.url}/initiate-payment`,
      connections: 50,
      duration: seconds,
      expectBody: JSON.stringify(paid.code),
    });
    for (const [{ url }, request] of [
      [payment, 'GET /initiate-payment HTTP/1.1\r\nHost: localhost\r\n\r\n'],
      [wallet, 'POST /api/check-balance HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n'],
    ] as const) {
      for (const readsAnswers of [true, false]) floods.push(new Flood(new URL(url), request, readsAnswers));
    }
    await wait((seconds * 1_000) / 2);
    for (const { process: program } of [payment, wallet]) program.stdout?.destroy();
    await stytch.breakTokens({ kind: 'hang' });
    await stytch.breakKeys({ kind: 'hang' });
    const { non2xx, errors, timeouts, mismatches, ...result } = await load;
    const memory = await Promise.all([payment, wallet].map(mostMemoryOf));
    const after = autocannon({ url: `${payment.url}/initiate-payment`, connections: 50, duration: 60 });
    const stops = await Promise.all([payment, wallet].map((program) => stop(world, program)));
    after.stop();
    process.stdout.write(
      `soak under attack: ${result['2xx']} payments in ${seconds} s, p99 ${result.latency.p99} ms; ` +
        `memory at most ${memory.map((kilobytes) => `${Math.round(kilobytes / 1024)} MiB`).join(' and ')}; ` +
        `stopped in ${stops.map(({ milliseconds }) => `${Math.round(milliseconds)} ms`).join(' and ')}; ` +
        `${floods.map(({ connections }) => connections).join(', ')} connections of floods\n`,
    );

    expect({ non2xx, errors, timeouts, mismatches }).toEqual({
      non2xx: 0,
      errors: 0,
      timeouts: 0,
      mismatches: 0,
    });
    expect(result['2xx']).toBeGreaterThan(seconds * 10);
    for (const { bytesSent } of floods) expect(bytesSent).toBeGreaterThan(0);
    expect(Math.max(...memory)).toBeLessThan(mostMemory);
    for (const { how, milliseconds } of stops) {
      expect(how).toBe(0);
      expect(milliseconds).toBeLessThan(longestStop);
    }
  });
});

/** The most memory that a program has had so far, in kB. */
async function mostMemoryOf({ process: program }: Program): Promise<number> {
  let most: number | undefined;
  program.once('message', ({ mostKilobytes }: { mostKilobytes: number }) => (most = mostKilobytes));
  program.kill('SIGUSR2');
  return until('the program tells its memory', () => most);
}

async function stop(world: World, program: Program) {
  const startedAt = performance.now();
  world.signal(program, 'SIGTERM');
  const how = await program.ended;
  return { how, milliseconds: performance.now() - startedAt };
}

import { connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import type { Program } from '../../tools/src/program';
import { until } from '../helpers/calls';
import { World } from '../helpers/harness';
import { expectAllPaid, memoryReporting, payUnderLoad } from '../helpers/soak';
import type { StytchAdmin } from '../helpers/stytchAdmin';

/** The duration of the load: SOAK_SECONDS, by default 60. */
const seconds = Number(process.env.SOAK_SECONDS ?? 60);
/** The most memory that a process may use at any time. kB. */
const mostMemory = 384 * 1024;
/** How long a server may take to stop: its drain timeout and a margin for a busy machine. Milliseconds. */
const longestStop = 10_000 + 2_000;
/** The number of requests that an attacker writes at a time. */
const pipelined = 5_000;

jest.setTimeout((seconds + 90) * 1_000);

/** An attacker who sends requests without end and reconnects whenever the server disconnects it. */
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

describe('Load and attack over a long time', () => {
  const world = new World();
  const floods: Flood[] = [];
  let stytch: StytchAdmin;
  let wallet: Program;
  let payment: Program;

  beforeAll(async () => {
    ({ stytch, wallet, payment } = await world.startServices(memoryReporting));
    // The refresh of the token falls into the time in which Stytch hangs, and the token lasts to the end.
    await stytch.setTokenLifetime(seconds * 1.25);
  });
  afterAll(async () => {
    for (const flood of floods) flood.stop();
    await world.stop();
  });

  test('When nobody reads the log, Stytch hangs, and attackers flood both servers, then no payment of 50 callers fails, memory is bounded, and both servers stop in time', async () => {
    const load = payUnderLoad(payment, seconds);
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
    const result = await load;
    const memory = await Promise.all([payment, wallet].map(mostMemoryOf));
    const after = payUnderLoad(payment, 60);
    const stops = await Promise.all([payment, wallet].map((program) => stop(world, program)));
    after.stop();
    process.stdout.write(
      `soak under attack: ${result['2xx']} payments in ${seconds} s, p99 ${result.latency.p99} ms; ` +
        `memory at most ${memory.map((kilobytes) => `${Math.round(kilobytes / 1024)} MiB`).join(' and ')}; ` +
        `stopped in ${stops.map(({ milliseconds }) => `${Math.round(milliseconds)} ms`).join(' and ')}; ` +
        `${floods.map(({ connections }) => connections).join(', ')} connections of attackers\n`,
    );

    expectAllPaid(result, seconds);
    for (const { bytesSent } of floods) expect(bytesSent).toBeGreaterThan(0);
    expect(Math.max(...memory)).toBeLessThan(mostMemory);
    for (const { how, milliseconds } of stops) {
      expect(how).toBe(0);
      expect(milliseconds).toBeLessThan(longestStop);
    }
  });
});

/** The most memory that a program has used so far. kB. */
async function mostMemoryOf({ process: program }: Program): Promise<number> {
  let most: number | undefined;
  program.once('message', ({ mostKilobytes }: { mostKilobytes: number }) => (most = mostKilobytes));
  program.kill('SIGUSR2');
  return until('the program reports its memory', () => most);
}

async function stop(world: World, program: Program) {
  const startedAt = performance.now();
  world.signal(program, 'SIGTERM');
  const how = await program.ended;
  return { how, milliseconds: performance.now() - startedAt };
}

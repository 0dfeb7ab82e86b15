import { type Program, type ProgramName, startProgram } from '../../tools/src/program';
import { call, until } from './calls';
import { StytchAdmin } from './stytchAdmin';

/** What looks like a token, and what an error that nobody foresaw looks like. */
const neverToBeLogged = /eyJ|[Uu]nhandled|[Uu]ncaught|MaxListeners|"code":"internal_error"/;

/** Longer than a program in good order takes to stop. Milliseconds. */
const longestStop = 15_000;

/** The programs that a test file runs, every line of which is searched for secrets and tokens. */
export class World {
  readonly #badLines: string[] = [];
  /** Those of local-stytch, the secrets of which are known only once it has started. */
  readonly #linesOfStytch: string[] = [];
  readonly #secrets = new Set<string>();
  /** How many lines were written. */
  lines = 0;
  /** Every line, for a test that sets this to an empty array before it starts what it looks at. */
  allLines: string[] | undefined;
  readonly #programs: Program[] = [];
  readonly #toldToEnd = new Set<Program>();
  readonly #endedByThemselves: string[] = [];
  #seed: Program['seed'] = {};

  /** Starts local-stytch; what is started after it is pointed at it. */
  async startStytch(): Promise<StytchAdmin> {
    const program = await this.start('local-stytch');
    this.#seed = program.seed;
    return new StytchAdmin(program);
  }

  async start(name: ProgramName, environment: NodeJS.ProcessEnv = {}): Promise<Program> {
    const own = {
      ...process.env,
      DOTENV: 'off',
      LOG_LEVEL: 'info',
      ...this.#seed,
      PORT: '0',
      ...environment,
    };
    this.#keepSecret(own);
    const said: string[] = [];
    const program = await startProgram({
      name,
      environment: own,
      onLine: (_name, line) => {
        this.lines += 1;
        this.allLines?.push(line);
        if (said.length < 20) said.push(line);
        if (name === 'local-stytch') this.#linesOfStytch.push(line);
        else if (this.#isBad(line)) this.#badLines.push(`${name}: ${line}`);
      },
    }).catch((error: unknown) => {
      throw new Error([(error as Error).message, ...said].join('\n'));
    });
    this.#keepSecret(program.seed);
    this.#programs.push(program);
    void program.ended.then((how) => {
      if (!this.#toldToEnd.has(program)) this.#endedByThemselves.push(`${name} ended by itself (${how})`);
    });
    return program;
  }

  /** Starts a wallet-server and waits until it has the signing keys. */
  async startWallet(environment: NodeJS.ProcessEnv = {}): Promise<Program> {
    const wallet = await this.start('wallet-server', environment);
    await until('the wallet-server is ready', async () => (await readiness(wallet)) === 200);
    return wallet;
  }

  /** Starts a payment-server, which has no access token yet, and waits until it is ready. */
  async startPayment({ url }: Pick<Program, 'url'>, environment: NodeJS.ProcessEnv = {}): Promise<Program> {
    const payment = await this.start('payment-server', { WALLET_SERVER_URL: url, ...environment });
    await until('the payment-server is ready', async () => (await readiness(payment)) === 200);
    return payment;
  }

  /** Ends a wallet-server and starts another where it listened. */
  async restartWallet(wallet: Program): Promise<Program> {
    this.signal(wallet, 'SIGTERM');
    await wallet.ended;
    return this.startWallet({ PORT: new URL(wallet.url).port });
  }

  /** Ends local-stytch and starts another where it listened: the same credentials, other signing keys. */
  async restartStytch({ program }: StytchAdmin): Promise<StytchAdmin> {
    this.signal(program, 'SIGTERM');
    await program.ended;
    return new StytchAdmin(await this.start('local-stytch', { PORT: new URL(program.url).port }));
  }

  /** Sends a signal that is meant to end a program. */
  signal(program: Program, signal: NodeJS.Signals): void {
    this.#toldToEnd.add(program);
    program.process.kill(signal);
  }

  /** Stops everything that still runs, the last started first. */
  async stop(): Promise<void> {
    for (const program of [...this.#programs].reverse()) {
      this.#toldToEnd.add(program);
      // One that a failed test left stopped in its tracks would not hear of it.
      program.process.kill('SIGCONT');
      const kill = setTimeout(() => program.process.kill('SIGKILL'), longestStop);
      await program.stop();
      clearTimeout(kill);
    }
  }

  /**
   * Stops everything, and tells what should not have been: programs that ended by themselves or not with
   * exit code 0 at the end, and lines with a secret, with what looks like a token, or about an error that
   * nobody caught.
   */
  async violations(): Promise<string[]> {
    const running = this.#programs.filter((program) => !this.#toldToEnd.has(program));
    await this.stop();
    const exits = await Promise.all(running.map(async ({ name, ended }) => [name, await ended] as const));
    const badExits = exits.filter(([, how]) => how !== 0).map(([name, how]) => `${name} stopped with ${how}`);
    const ofStytch = this.#linesOfStytch.filter((line) => this.#isBad(line));
    return [...this.#endedByThemselves, ...badExits, ...this.#badLines, ...ofStytch];
  }

  #keepSecret(variables: NodeJS.ProcessEnv): void {
    for (const [name, value] of Object.entries(variables)) {
      if (value && /^(STYTCH|CLIENT|OPERATOR_CLIENT)_SECRET$/.test(name)) this.#secrets.add(value);
    }
  }

  #isBad(line: string): boolean {
    return neverToBeLogged.test(line) || [...this.#secrets].some((secret) => line.includes(secret));
  }
}

async function readiness({ url }: Program): Promise<number> {
  return (await call(`${url}/readyz`)).status;
}

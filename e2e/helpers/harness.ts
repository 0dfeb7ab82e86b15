import { type Program, type ProgramName, startProgram } from '../../tools/src/program';
import { call, until } from './calls';
import { StytchAdmin } from './stytchAdmin';

/** Matches anything that looks like a token or an unexpected error. */
const forbiddenInLogs = /eyJ|[Uu]nhandled|[Uu]ncaught|MaxListeners|"code":"internal_error"/;

/** A program that works stops sooner. Milliseconds. */
const longestStop = 15_000;

/** The programs that a test file runs. Every line that they write is searched for secrets and tokens. */
export class World {
  readonly #badLines: string[] = [];
  /** Searched at the end: the secrets of local-stytch are known only after its start. */
  readonly #stytchLines: string[] = [];
  readonly #secrets = new Set<string>();
  /** The number of lines written so far. */
  lines = 0;
  /** Collects every line once a test sets it to an empty array. */
  allLines: string[] | undefined;
  readonly #programs: Program[] = [];
  readonly #asked = new Set<Program>();
  readonly #unexpectedEnds: string[] = [];
  #seed: Program['seed'] = {};

  /** Starts local-stytch. Programs that start later use it. */
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
    this.#addSecrets(own);
    const firstLines: string[] = [];
    const program = await startProgram({
      name,
      environment: own,
      onLine: (_name, line) => {
        this.lines += 1;
        this.allLines?.push(line);
        if (firstLines.length < 20) firstLines.push(line);
        if (name === 'local-stytch') this.#stytchLines.push(line);
        else if (this.#isBad(line)) this.#badLines.push(`${name}: ${line}`);
      },
    }).catch((error: unknown) => {
      throw new Error([(error as Error).message, ...firstLines].join('\n'));
    });
    this.#addSecrets(program.seed);
    this.#programs.push(program);
    void program.ended.then((end) => {
      if (!this.#asked.has(program)) this.#unexpectedEnds.push(`${name} ended unexpectedly (${end})`);
    });
    return program;
  }

  /** Starts local-stytch, a wallet-server and a payment-server; `environment` is for both servers. */
  async startServices(environment: NodeJS.ProcessEnv = {}) {
    const stytch = await this.startStytch();
    const wallet = await this.startWallet(environment);
    const payment = await this.startPayment(wallet, environment);
    return { stytch, wallet, payment };
  }

  /** Starts a wallet-server and waits until it has the signing keys. */
  async startWallet(environment: NodeJS.ProcessEnv = {}): Promise<Program> {
    const wallet = await this.start('wallet-server', environment);
    await until('the wallet-server is ready', async () => (await readiness(wallet)) === 200);
    return wallet;
  }

  /** Starts a payment-server and waits until it is ready. It has no access token yet. */
  async startPayment({ url }: Pick<Program, 'url'>, environment: NodeJS.ProcessEnv = {}): Promise<Program> {
    const payment = await this.start('payment-server', { WALLET_SERVER_URL: url, ...environment });
    await until('the payment-server is ready', async () => (await readiness(payment)) === 200);
    return payment;
  }

  /** Stops a wallet-server and starts another on the same port. */
  async restartWallet(wallet: Program): Promise<Program> {
    this.signal(wallet, 'SIGTERM');
    await wallet.ended;
    return this.startWallet({ PORT: new URL(wallet.url).port });
  }

  /** Stops local-stytch and starts another on the same port, with the same credentials and new signing keys. */
  async restartStytch({ program }: StytchAdmin): Promise<StytchAdmin> {
    this.signal(program, 'SIGTERM');
    await program.ended;
    return new StytchAdmin(await this.start('local-stytch', { PORT: new URL(program.url).port }));
  }

  /** Sends a signal to a program that is expected to end it. */
  signal(program: Program, signal: NodeJS.Signals): void {
    this.#asked.add(program);
    program.process.kill(signal);
  }

  /** Stops the running programs, last started first. */
  async stop(): Promise<void> {
    for (const program of [...this.#programs].reverse()) {
      this.#asked.add(program);
      // A failed test may have left it suspended by SIGSTOP.
      program.process.kill('SIGCONT');
      const kill = setTimeout(() => program.process.kill('SIGKILL'), longestStop);
      await program.stop();
      clearTimeout(kill);
    }
  }

  /**
   * Stops all programs. Returns a line for each program that ended unexpectedly or with an exit code other than 0,
   * and each log line with a secret, a token or an unexpected error.
   */
  async violations(): Promise<string[]> {
    const running = this.#programs.filter((program) => !this.#asked.has(program));
    await this.stop();
    const exits = await Promise.all(running.map(async ({ name, ended }) => [name, await ended] as const));
    const badExits = exits.filter(([, end]) => end !== 0).map(([name, end]) => `${name} stopped with ${end}`);
    const badStytchLines = this.#stytchLines.filter((line) => this.#isBad(line));
    return [...this.#unexpectedEnds, ...badExits, ...this.#badLines, ...badStytchLines];
  }

  #addSecrets(variables: NodeJS.ProcessEnv): void {
    for (const [name, value] of Object.entries(variables)) {
      if (value && /^(STYTCH|CLIENT|OPERATOR_CLIENT)_SECRET$/.test(name)) this.#secrets.add(value);
    }
  }

  #isBad(line: string): boolean {
    return forbiddenInLogs.test(line) || [...this.#secrets].some((secret) => line.includes(secret));
  }
}

async function readiness({ url }: Program): Promise<number> {
  return (await call(`${url}/readyz`)).status;
}

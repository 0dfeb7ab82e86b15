import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Program } from '../../tools/src/program';
import { type Answer, call, summary } from './calls';
import { World } from './harness';
import type { StytchAdmin } from './stytchAdmin';

/** A local-stytch, a wallet-server, and payment-servers whose client secret is in a file. */
export class RotationWorld {
  /** Every line that a program has written. */
  readonly lines: string[] = [];
  readonly #world = new World();
  readonly #folder = mkdtempSync(join(tmpdir(), 'rotation-'));
  #started: Program[] = [];
  #stytch!: StytchAdmin;
  #wallet!: Program;
  #path = '';
  #operatorToken = '';

  async start(): Promise<void> {
    this.#world.allLines = this.lines;
    this.#stytch = await this.#world.startStytch();
    this.#wallet = await this.#world.startWallet();
  }

  /** Resets local-stytch, and writes the secret to a new file. */
  async reset(): Promise<void> {
    await this.#stytch.reset();
    this.#path = join(mkdtempSync(join(this.#folder, 'secret-')), 'client-secret');
    writeFileSync(this.#path, `${this.seed('CLIENT_SECRET')}\n`, { mode: 0o600 });
    this.#operatorToken = await this.#stytch.mintForOperator();
  }

  /** Stops the payment-servers. Returns how those ended that neither exited with 0 nor were killed. */
  async stopPayments(): Promise<(number | NodeJS.Signals)[]> {
    for (const payment of this.#started) this.signal(payment, 'SIGTERM');
    const ends = await Promise.all(this.#started.map(({ ended }) => ended));
    this.#started = [];
    return ends.filter((end) => end !== 0 && end !== 'SIGKILL');
  }

  /** Stops all programs. Returns what `World.violations` does. */
  async stop(): Promise<string[]> {
    const violations = await this.#world.violations();
    rmSync(this.#folder, { recursive: true });
    return violations;
  }

  get stytch(): StytchAdmin {
    return this.#stytch;
  }

  /** The file of the client secret. */
  get path(): string {
    return this.#path;
  }

  seed(name: string): string {
    return this.#stytch.program.seed[name] ?? '';
  }

  /** Starts a payment-server whose secret is in the file. */
  async startPayment(environment: NodeJS.ProcessEnv = {}): Promise<Program> {
    const payment = await this.#world.startPayment(this.#wallet, {
      CLIENT_SECRET: '',
      CLIENT_SECRET_FILE: this.#path,
      ADMIN_RATE_LIMIT: '10000',
      ...environment,
    });
    this.#started.push(payment);
    return payment;
  }

  signal(program: Program, signal: NodeJS.Signals): void {
    this.#world.signal(program, signal);
  }

  /** Calls an admin route, by default as the operator. */
  administer({ url }: Program, route: string, method = 'POST', token = this.#operatorToken): Promise<Answer> {
    return call(`${url}/${route}`, { method, headers: { Authorization: `Bearer ${token}` } });
  }

  /** Calls an admin route as the operator and expects 200. Returns the body. */
  async succeed(payment: Program, route: string): Promise<unknown> {
    const answer = await this.administer(payment, route);
    expect(summary(answer)).toMatchObject({ status: 200 });
    return answer.json;
  }

  /** Reads the file of the client secret. */
  storedSecrets(): { secret: string; nextSecret: string | undefined } {
    const [secret = '', ...lines] = readFileSync(this.#path, 'utf8').trim().split('\n');
    const next = lines.find((line) => line.startsWith('next-secret: '));
    return { secret, nextSecret: next?.slice('next-secret: '.length) };
  }

  /** Whether Stytch accepts a secret of payment-service. */
  works(secret: string): Promise<boolean> {
    return this.#stytch.acceptsSecret(secret);
  }
}

/** Creates a world for the tests of a file. Each test gets a new secret file. */
export function useRotationWorld(): RotationWorld {
  const world = new RotationWorld();
  beforeAll(() => world.start());
  beforeEach(() => world.reset());
  afterEach(async () => {
    expect(await world.stopPayments()).toEqual([]);
  });
  afterAll(async () => {
    expect(await world.stop()).toEqual([]);
  });
  return world;
}

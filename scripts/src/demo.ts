import axios from 'axios';
import { type Program } from './program';
import { type Stack, startStack } from './stack';

/** What came of a call: its status, and what of the answer counts. */
interface Outcome {
  status: number;
  data: unknown;
}

interface Step {
  what: string;
  expected: string;
  /** Does it, and tells what came in the words of `expected`. */
  run: () => Promise<string>;
}

/** A step went otherwise than told. */
export class DemoFailure extends Error {
  override readonly name = 'DemoFailure';
}

const success = '"john_doe your payment of 769 to yh809ikol7plo98 was successful!"';

async function call(
  method: string,
  url: string,
  options: { token?: string; data?: unknown } = {},
): Promise<Outcome> {
  const { status, data } = await axios.request<unknown>({
    method,
    url,
    data: options.data,
    headers: options.token === undefined ? {} : { Authorization: `Bearer ${options.token}` },
    timeout: 15_000,
    proxy: false,
    validateStatus: () => true,
  });
  return { status, data };
}

/** The field of an answer that a step looks at. */
function field(data: unknown, ...path: string[]): unknown {
  return path.reduce<unknown>((value, name) => (value as Record<string, unknown> | undefined)?.[name], data);
}

/** The calls of the demo, on a running stack. */
class Walk {
  readonly #payment: string;
  readonly #wallet: string;
  readonly #stytch: Program;
  #operatorToken = '';
  #clientSecret: string;

  constructor({ payment, wallet }: Stack, localStytch: Program) {
    this.#payment = payment.url;
    this.#wallet = wallet.url;
    this.#stytch = localStytch;
    this.#clientSecret = localStytch.seed.CLIENT_SECRET ?? '';
  }

  async pay(): Promise<string> {
    const { status, data } = await call('GET', `${this.#payment}/initiate-payment`);
    return `${status} ${status === 200 ? JSON.stringify(data) : String(field(data, 'code'))}`;
  }

  async readWallet(token?: string): Promise<string> {
    const { status, data } = await call('POST', `${this.#wallet}/api/check-balance`, {
      ...(token !== undefined && { token }),
      data: { customerId: '67uhjio098uhgt6l' },
    });
    return `${status} ${String(field(data, 'code'))}`;
  }

  async tokenFor(clientId: string | undefined, clientSecret: string | undefined): Promise<Outcome> {
    return call(
      'POST',
      `${this.#stytch.url}/v1/public/${this.#stytch.seed.STYTCH_PROJECT_ID ?? ''}/oauth2/token`,
      {
        data: { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret },
      },
    );
  }

  async operatorSignsIn(): Promise<string> {
    const { OPERATOR_CLIENT_ID, OPERATOR_CLIENT_SECRET } = this.#stytch.seed;
    const { status, data } = await this.tokenFor(OPERATOR_CLIENT_ID, OPERATOR_CLIENT_SECRET);
    this.#operatorToken = String(field(data, 'access_token'));
    return `${status} ${String(field(data, 'token_type'))}`;
  }

  readWalletAsOperator(): Promise<string> {
    return this.readWallet(this.#operatorToken);
  }

  async newToken(secret: 'current' | 'old'): Promise<string> {
    const { CLIENT_ID, CLIENT_SECRET } = this.#stytch.seed;
    const { status, data } = await this.tokenFor(
      CLIENT_ID,
      secret === 'old' ? CLIENT_SECRET : this.#clientSecret,
    );
    return `${status} ${String(field(data, 'token_type') ?? field(data, 'error'))}`;
  }

  async searchWithoutToken(): Promise<string> {
    const { status } = await call('GET', `${this.#payment}/search-m2m-client`);
    return String(status);
  }

  async search(): Promise<string> {
    const { status, data } = await this.#asOperator('GET', '/search-m2m-client');
    const clients = field(data, 'search_Result', 'm2m_clients');
    const names = Array.isArray(clients)
      ? clients.map((client) => field(client, 'client_name')).join(', ')
      : '';
    return `${status} ${names}`;
  }

  async startRotation(): Promise<string> {
    const { status, data } = await this.#asOperator('POST', '/start-secret-rotation');
    if (typeof data !== 'string') return `${status} no secret`;
    const isNew = data !== this.#clientSecret;
    this.#clientSecret = data;
    return `${status} ${isNew ? 'a new secret' : 'the old secret'}`;
  }

  async completeRotation(): Promise<string> {
    const { status, data } = await this.#asOperator('POST', '/complete-secret-rotation');
    return `${status} ${String(field(data, 'message'))}`;
  }

  async setStatus(wanted: 'active' | 'inactive'): Promise<string> {
    const path = `/update-m2m-client/${this.#stytch.seed.CLIENT_ID ?? ''}`;
    const { status, data } = await this.#asOperator('PUT', path, { status: wanted });
    return `${status} ${String(field(data, 'updated_m2mClient', 'm2m_client', 'status'))}`;
  }

  #asOperator(method: string, path: string, data?: unknown): Promise<Outcome> {
    return call(method, `${this.#payment}${path}`, { token: this.#operatorToken, data });
  }
}

function stepsOf(walk: Walk): Step[] {
  return [
    { what: 'make the payment', expected: `200 ${success}`, run: () => walk.pay() },
    { what: 'read the wallet without a token', expected: '401 unauthorized', run: () => walk.readWallet() },
    {
      what: 'read it with a garbage token',
      expected: '401 invalid_token',
      run: () => walk.readWallet('garbage'),
    },
    { what: 'get a token as the operator', expected: '200 bearer', run: () => walk.operatorSignsIn() },
    {
      what: 'read the wallet with that, which lacks the scope',
      expected: '403 insufficient_scope',
      run: () => walk.readWalletAsOperator(),
    },
    { what: 'search the client without a token', expected: '401', run: () => walk.searchWithoutToken() },
    { what: 'search the client as the operator', expected: '200 payment-service', run: () => walk.search() },
    {
      what: 'start the rotation of its secret',
      expected: '200 a new secret',
      run: () => walk.startRotation(),
    },
    {
      what: 'complete the rotation',
      expected: '200 Secret rotation completed successfully',
      run: () => walk.completeRotation(),
    },
    {
      what: 'ask for a token with the old secret',
      expected: '400 invalid_client',
      run: () => walk.newToken('old'),
    },
    { what: 'ask for one with the new secret', expected: '200 bearer', run: () => walk.newToken('current') },
    { what: 'pay again', expected: `200 ${success}`, run: () => walk.pay() },
    { what: 'deactivate the client', expected: '200 inactive', run: () => walk.setStatus('inactive') },
    { what: 'pay with the token that lives', expected: `200 ${success}`, run: () => walk.pay() },
    { what: 'ask for a new token', expected: '400 invalid_client', run: () => walk.newToken('current') },
    { what: 'reactivate the client', expected: '200 active', run: () => walk.setStatus('active') },
    { what: 'ask for a new token', expected: '200 bearer', run: () => walk.newToken('current') },
  ];
}

/**
 * The article as a program, on a stack of its own: one line for each step, with what was expected and what came.
 *
 * @param onStarted gets the stack before the first step.
 * @throws DemoFailure at the first difference, or when a program ends on the way.
 */
export async function runDemo(
  print: (line: string) => void,
  onStarted: (stack: Stack) => void | Promise<void> = () => undefined,
): Promise<void> {
  const stack = await startStack({
    local: true,
    environment: { PORT: '0', LOG_LEVEL: 'error', DOTENV: 'off' },
  });
  try {
    if (!stack.localStytch) throw new DemoFailure('local-stytch is not running');
    print(`ok  start: ${stack.programs.map(({ name, url }) => `${name} at ${url}`).join(', ')}`);
    await onStarted(stack);
    const broken = stack.broken.then((why) => {
      throw new DemoFailure(why);
    });
    for (const step of stepsOf(new Walk(stack, stack.localStytch))) {
      await Promise.race([runStep(step, print), broken]);
    }
    print('Everything went as the article tells.');
  } finally {
    await stack.stop();
  }
}

async function runStep({ what, expected, run }: Step, print: (line: string) => void): Promise<void> {
  const came = await run().catch((error: unknown) => (error as Error).message);
  print(`${came === expected ? 'ok ' : 'NOT'} ${what}: expected ${expected}; came ${came}`);
  if (came !== expected)
    throw new DemoFailure(`"${what}" went otherwise: expected ${expected}; came ${came}`);
}

if (require.main === module) {
  runDemo(console.log).catch((error: unknown) => {
    console.error(`The demo failed: ${(error as Error).message}`);
    process.exitCode = 1;
  });
}

import type { Program } from '../../tools/src/program';
import { call, paid, pay, summary, times, until } from '../helpers/calls';
import { World } from '../helpers/harness';
import type { Fault, StytchAdmin } from '../helpers/stytchAdmin';

/** The longest wait for a token, and a margin for a busy machine. Milliseconds. */
const timeout = 5_000;
const leeway = 5_000;

describe("Faults of Stytch's token endpoint", () => {
  const world = new World();
  let stytch: StytchAdmin;
  let wallet: Program;
  let payment: Program;

  beforeAll(async () => {
    ({ stytch, wallet, payment } = await world.startServices());
    await pay(payment);
  });
  beforeEach(() => stytch.reset());
  afterAll(() => world.stop());

  test.each<{ behaviour: string; fault: Fault }>([
    { behaviour: 'hangs', fault: { kind: 'hang' } },
    { behaviour: 'stalls', fault: { kind: 'stall' } },
    { behaviour: 'drops', fault: { kind: 'drop' } },
    { behaviour: 'sends HTML', fault: { kind: 'not_json' } },
    { behaviour: 'answers 500', fault: { kind: 'status', status: 500 } },
    { behaviour: 'answers 429', fault: { kind: 'status', status: 429, retry_after_seconds: 60 } },
  ])('When it $behaviour and a token is cached, then payments are not affected', async ({ fault }) => {
    await stytch.breakTokens(fault);

    const answers = await times(20, () => pay(payment));

    expect(answers.map(summary)).toEqual(answers.map(() => paid));
    for (const { headers } of answers) expect(headers['server-timing']).toMatch(/^token;desc="cache"/);
    expect(await stytch.tokenRequests()).toBe(0);
  });

  test.each<{ behaviour: string; fault: Fault; atLeast: number }>([
    { behaviour: 'drops', fault: { kind: 'drop', count: 1 }, atLeast: 0 },
    { behaviour: 'drops its answer', fault: { kind: 'drop_answer', count: 1 }, atLeast: 0 },
    { behaviour: 'sends HTML', fault: { kind: 'not_json', count: 1 }, atLeast: 0 },
    { behaviour: 'answers 500', fault: { kind: 'status', status: 500, count: 1 }, atLeast: 0 },
    {
      behaviour: 'answers 429, Retry-After: 1',
      fault: { kind: 'status', status: 429, retry_after_seconds: 1, count: 1 },
      atLeast: 1_000,
    },
  ])(
    'When it $behaviour once and no token is cached, then the second request gets a token',
    async ({ fault, atLeast }) => {
      const other = await world.startPayment(wallet);
      await stytch.breakTokens(fault);

      const answer = await pay(other);

      expect(summary(answer)).toEqual(paid);
      expect(answer.milliseconds).toBeGreaterThanOrEqual(atLeast);
      expect(await stytch.tokenRequests()).toBe(2);
    },
  );

  test('When it is slow, then all callers share one request', async () => {
    const other = await world.startPayment(wallet);
    await stytch.breakTokens({ kind: 'delay', milliseconds: 1_500 });

    const answers = await times(20, () => pay(other));

    expect(answers.map(summary)).toEqual(answers.map(() => paid));
    for (const { milliseconds } of answers) {
      expect(milliseconds).toBeGreaterThanOrEqual(1_000);
      expect(milliseconds).toBeLessThan(timeout + leeway);
    }
    expect(await stytch.tokenRequests()).toBe(1);
  });

  test('When 1,000 callers come at once to a new payment-server, then it makes one token request', async () => {
    const other = await world.startPayment(wallet);

    const answers = await times(1_000, () => pay(other));

    expect(answers.map(summary)).toEqual(answers.map(() => paid));
    expect(await stytch.tokenRequests()).toBe(1);
  });

  test('When it hangs, then /healthz and /readyz still answer 200', async () => {
    await stytch.breakTokens({ kind: 'hang' });
    const probes = ['/healthz', '/readyz'].map((path) => call(`${payment.url}${path}`));

    expect((await Promise.all(probes)).map(({ status }) => status)).toEqual([200, 200]);
  });

  test("When Stytch's clock is 60 s ahead, then payments fail with 502 until it is correct again", async () => {
    const other = await world.startPayment(wallet);
    await stytch.setClock(60);
    await stytch.forgetRequests();

    const answers = await times(20, () => pay(other));
    const withCachedToken = await pay(payment);
    await stytch.setClock(0);
    // Tokens are invalidated at most once a second, so the last rejected one may still be cached.
    await until('payments work again', async () => (await pay(other)).status === 200, 5_000);

    const rejected = { status: 502, code: 'wallet_rejected_token' };
    expect(answers.map(summary)).toEqual(answers.map(() => rejected));
    for (const { milliseconds } of answers) expect(milliseconds).toBeLessThan(leeway);
    expect(summary(withCachedToken)).toEqual(paid);
  });

  test("When Stytch's clock is 60 s behind, then payments work", async () => {
    const other = await world.startPayment(wallet);
    await stytch.setClock(-60);

    expect(summary(await pay(other))).toEqual(paid);
  });

  test('After all of this, every program still runs, and none has logged a secret or a token', async () => {
    expect(await world.violations()).toEqual([]);
  });
});

import type { Program } from '../../tools/src/program';
import { call, paid, pay, summary, times, until } from '../helpers/calls';
import { World } from '../helpers/harness';
import type { StytchAdmin, Trouble } from '../helpers/stytchAdmin';

/** How long a caller waits for a token at most, and what a busy machine may add. Milliseconds. */
const deadline = 5_000;
const leeway = 5_000;

describe("Stytch's token endpoint in trouble", () => {
  const world = new World();
  let stytch: StytchAdmin;
  let wallet: Program;
  let payment: Program;

  beforeAll(async () => {
    stytch = await world.startStytch();
    wallet = await world.startWallet();
    payment = await world.startPayment(wallet);
    await pay(payment);
  });
  beforeEach(() => stytch.reset());
  afterAll(() => world.stop());

  test.each<{ trouble: string; fault: Trouble }>([
    { trouble: 'hangs', fault: { kind: 'hang' } },
    { trouble: 'stalls', fault: { kind: 'stall' } },
    { trouble: 'drops', fault: { kind: 'drop' } },
    { trouble: 'sends HTML', fault: { kind: 'not_json' } },
    { trouble: 'answers 500', fault: { kind: 'status', status: 500 } },
    { trouble: 'answers 429', fault: { kind: 'status', status: 429, retry_after_seconds: 60 } },
  ])('When it $trouble and a token is cached, then payments go on unaffected', async ({ fault }) => {
    await stytch.breakTokens(fault);

    const answers = await times(20, () => pay(payment));

    expect(answers.map(summary)).toEqual(answers.map(() => paid));
    for (const { headers } of answers) expect(headers['server-timing']).toMatch(/^token;desc="cache"/);
    expect(await stytch.tokenRequests()).toBe(0);
  });

  test.each<{ trouble: string; fault: Trouble; atLeast: number }>([
    { trouble: 'drops', fault: { kind: 'drop', count: 1 }, atLeast: 0 },
    { trouble: 'drops its answer', fault: { kind: 'drop_answer', count: 1 }, atLeast: 0 },
    { trouble: 'sends HTML', fault: { kind: 'not_json', count: 1 }, atLeast: 0 },
    { trouble: 'answers 500', fault: { kind: 'status', status: 500, count: 1 }, atLeast: 0 },
    {
      trouble: 'answers 429, Retry-After: 1',
      fault: { kind: 'status', status: 429, retry_after_seconds: 1, count: 1 },
      atLeast: 1_000,
    },
  ])(
    'When it $trouble just once and no token is cached, then the second try gets one',
    async ({ fault, atLeast }) => {
      const fresh = await world.startPayment(wallet);
      await stytch.breakTokens(fault);

      const answer = await pay(fresh);

      expect(summary(answer)).toEqual(paid);
      expect(answer.milliseconds).toBeGreaterThanOrEqual(atLeast);
      expect(await stytch.tokenRequests()).toBe(2);
    },
  );

  test('When it is slow, then callers wait for the one request that they share', async () => {
    const fresh = await world.startPayment(wallet);
    await stytch.breakTokens({ kind: 'delay', milliseconds: 1_500 });

    const answers = await times(20, () => pay(fresh));

    expect(answers.map(summary)).toEqual(answers.map(() => paid));
    for (const { milliseconds } of answers) {
      expect(milliseconds).toBeGreaterThanOrEqual(1_000);
      expect(milliseconds).toBeLessThan(deadline + leeway);
    }
    expect(await stytch.tokenRequests()).toBe(1);
  });

  test('When 1,000 callers come at once to a fresh payment-server, then it makes one token request', async () => {
    const fresh = await world.startPayment(wallet);

    const answers = await times(1_000, () => pay(fresh));

    expect(answers.map(summary)).toEqual(answers.map(() => paid));
    expect(await stytch.tokenRequests()).toBe(1);
  });

  test('When it hangs, then /healthz and /readyz go on saying that all is well', async () => {
    await stytch.breakTokens({ kind: 'hang' });
    const probes = ['/healthz', '/readyz'].map((path) => call(`${payment.url}${path}`));

    expect((await Promise.all(probes)).map(({ status }) => status)).toEqual([200, 200]);
  });

  test("When Stytch's clock is 60 s ahead, then payments fail with 502 until it is right again", async () => {
    const fresh = await world.startPayment(wallet);
    await stytch.setClock(60);
    await stytch.forgetRequests();

    const answers = await times(20, () => pay(fresh));
    const withCachedToken = await pay(payment);
    await stytch.setClock(0);
    // A rejected token is invalidated once a second at most, so the last one may be cached for a moment.
    await until('payments are made again', async () => (await pay(fresh)).status === 200, 5_000);

    const rejected = { status: 502, code: 'wallet_rejected_token' };
    expect(answers.map(summary)).toEqual(answers.map(() => rejected));
    for (const { milliseconds } of answers) expect(milliseconds).toBeLessThan(leeway);
    expect(summary(withCachedToken)).toEqual(paid);
  });

  test("When Stytch's clock is 60 s behind, then payments go on", async () => {
    const fresh = await world.startPayment(wallet);
    await stytch.setClock(-60);

    expect(summary(await pay(fresh))).toEqual(paid);
  });

  test('When it is all over, then every program has lived through it, and logged no secret and no token', async () => {
    expect(await world.violations()).toEqual([]);
  });
});

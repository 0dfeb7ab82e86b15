import type { Program } from '../../tools/src/program';
import { call, during, paid, pay, summary, times, until } from '../helpers/calls';
import { World } from '../helpers/harness';
import { someSeconds } from '../helpers/matchers';
import { type Behaviour, type FakeWallet, startFakeWallet } from '../helpers/fakeWallet';

/** A margin for a busy machine. Milliseconds. */
const leeway = 5_000;

const unreachable = { status: 503, code: 'wallet_unreachable', retryAfter: someSeconds };
const timedOut = { status: 504, code: 'wallet_timeout', retryAfter: someSeconds };
const invalid = { status: 502, code: 'wallet_answer_invalid' };

describe('A wallet-server that misbehaves', () => {
  const world = new World();
  let wallet: FakeWallet;
  let payment: Program;

  beforeAll(async () => {
    wallet = await startFakeWallet();
    await world.startStytch();
    payment = await world.startPayment(wallet);
    await pay(payment);
  });
  afterAll(async () => {
    await world.stop();
    await wallet.stop();
  });

  test.concurrent.each<{
    behaviour: Behaviour;
    answer: { status: number; code: string; retryAfter?: unknown };
    tries?: number;
    within?: [atLeast: number, atMost: number];
  }>([
    { behaviour: 'slow', answer: paid, within: [1_400, 1_500 + leeway] },
    { behaviour: 'hang', answer: timedOut, within: [2_900, 3_000 + leeway] },
    { behaviour: 'stall', answer: timedOut, within: [2_900, 3_000 + leeway] },
    { behaviour: 'drip', answer: timedOut, within: [2_900, 3_000 + leeway] },
    { behaviour: 'drop', answer: unreachable, tries: 3 },
    { behaviour: 'truncate', answer: invalid },
    { behaviour: 'garbage', answer: invalid },
    { behaviour: 'page', answer: invalid },
    { behaviour: 'halfJson', answer: invalid },
    { behaviour: 'empty', answer: invalid },
    { behaviour: 'text', answer: invalid },
    { behaviour: 'redirect', answer: invalid },
    { behaviour: 'broken', answer: invalid },
    { behaviour: 'busy', answer: { ...unreachable, retryAfter: '7' }, tries: 3 },
    { behaviour: 'forbid', answer: { status: 502, code: 'wallet_refused_credentials' } },
    { behaviour: 'reject', answer: { status: 502, code: 'wallet_rejected_token' }, tries: 2 },
  ])(
    'When its behaviour is $behaviour, then the caller gets $answer.status $answer.code',
    async ({ behaviour, answer, tries = 1, within = [0, leeway] }) => {
      const id = `${behaviour}.1`;

      const outcome = await pay(payment, { 'X-Request-Id': id });

      expect(summary(outcome)).toEqual(answer);
      expect(outcome.milliseconds).toBeGreaterThanOrEqual(within[0]);
      expect(outcome.milliseconds).toBeLessThan(within[1]);
      expect(wallet.seen.filter((seen) => seen === id)).toHaveLength(tries);
      expect(summary(await pay(payment))).toEqual(paid);
    },
  );

  test.each(['drop', 'busy', 'reject'] as const)(
    'When its behaviour is %s for one request, then a retry succeeds',
    async (behaviour) => {
      expect(summary(await pay(payment, { 'X-Request-Id': `${behaviour}.once` }))).toEqual(paid);
    },
  );

  test('When 100 calls hang, then other payments and probes still work', async () => {
    const hanging = times(100, () => pay(payment, { 'X-Request-Id': 'hang.many' }));
    await until('they have all arrived', () => wallet.seen.filter((id) => id === 'hang.many').length === 100);

    const others = await times(20, () => pay(payment));
    const health = await call(`${payment.url}/healthz`);

    expect(others.map(summary)).toEqual(others.map(() => paid));
    expect(health.status).toBe(200);
    expect((await hanging).map(summary)).toEqual(Array(100).fill(timedOut));
  });

  test('After all of this, no redirect was followed, and the payment-server still runs and has logged no secret or token', async () => {
    expect(wallet.strayed).toEqual([]);
    expect(await world.violations()).toEqual([]);
  });
});

describe('A wallet-server that is down', () => {
  const world = new World();
  let wallet: Program;
  let payment: Program;

  beforeAll(async () => {
    ({ wallet, payment } = await world.startServices());
  });
  afterAll(() => world.stop());

  test('When it is killed under load and started again, then callers get 503 until payments work again', async () => {
    const load = await during(
      10,
      () => pay(payment),
      async (answers) => {
        await until('payments work', () => answers.at(-1)?.status === 200);
        world.signal(wallet, 'SIGKILL');
        await until('they fail', () => answers.at(-1)?.status === 503);
        wallet = await world.startWallet({ PORT: new URL(wallet.url).port });
        await until('payments work again', () => answers.at(-1)?.status === 200);
      },
    );

    for (const answer of load) {
      expect([paid, unreachable]).toContainEqual(summary(answer));
      expect(answer.milliseconds).toBeLessThan(leeway);
    }
  });

  test('When it is stopped with SIGTERM under load and started again, then each answer is a payment or 503', async () => {
    const load = await during(
      10,
      () => pay(payment),
      async (answers) => {
        await until('payments work', () => answers.at(-1)?.status === 200);
        wallet = await world.restartWallet(wallet);
        await until('payments work again', () => answers.at(-1)?.status === 200);
      },
    );

    for (const answer of load) expect([paid, unreachable]).toContainEqual(summary(answer));
  });

  test('When it is suspended, then callers get 504 in time, and payments work once it continues', async () => {
    wallet.process.kill('SIGSTOP');
    const answers = await times(20, () => pay(payment)).finally(() => wallet.process.kill('SIGCONT'));
    await until('payments work again', async () => (await pay(payment)).status === 200);

    expect(answers.map(summary)).toEqual(answers.map(() => timedOut));
    for (const { milliseconds } of answers) expect(milliseconds).toBeLessThan(3_000 + leeway);
  });

  test('After all of this, every program still runs, and none has logged a secret or a token', async () => {
    expect(await world.violations()).toEqual([]);
  });
});

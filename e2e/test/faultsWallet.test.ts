import type { Program } from '../../tools/src/program';
import { call, during, paid, pay, someSeconds, summary, times, until } from '../helpers/calls';
import { World } from '../helpers/harness';
import { type Behaviour, type FakeWallet, startFakeWallet } from '../helpers/fakeWallet';

/** What a busy machine may add to a time. Milliseconds. */
const leeway = 5_000;

const unreachable = { status: 503, code: 'wallet_unreachable', retryAfter: someSeconds };
const tooLate = { status: 504, code: 'wallet_timeout', retryAfter: someSeconds };
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
    { behaviour: 'hang', answer: tooLate, within: [2_900, 3_000 + leeway] },
    { behaviour: 'stall', answer: tooLate, within: [2_900, 3_000 + leeway] },
    { behaviour: 'drip', answer: tooLate, within: [2_900, 3_000 + leeway] },
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
    'When it does this: $behaviour, then the caller gets $answer.status $answer.code',
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
    'When it does this just once: %s, then nobody notices',
    async (behaviour) => {
      expect(summary(await pay(payment, { 'X-Request-Id': `${behaviour}.once` }))).toEqual(paid);
    },
  );

  test('When 100 calls hang, then other payments and probes go on', async () => {
    const hanging = times(100, () => pay(payment, { 'X-Request-Id': 'hang.many' }));
    await until('they have all arrived', () => wallet.seen.filter((id) => id === 'hang.many').length === 100);

    const others = await times(20, () => pay(payment));
    const health = await call(`${payment.url}/healthz`);

    expect(others.map(summary)).toEqual(others.map(() => paid));
    expect(health.status).toBe(200);
    expect((await hanging).map(summary)).toEqual(Array(100).fill(tooLate));
  });

  test('When it is all over, then a redirect was not followed, the program has lived, and logged nothing it must not', async () => {
    expect(wallet.strayed).toEqual([]);
    expect(await world.violations()).toEqual([]);
  });
});

describe('A wallet-server that is away', () => {
  const world = new World();
  let wallet: Program;
  let payment: Program;

  beforeAll(async () => {
    await world.startStytch();
    wallet = await world.startWallet();
    payment = await world.startPayment(wallet);
  });
  afterAll(() => world.stop());

  test('When it is killed under load and started again, then callers get 503 meanwhile and payments work again by themselves', async () => {
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

  test('When it is restarted in good order under load, then no answer is other than a payment or 503', async () => {
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

  test('When it is stopped in its tracks, then callers get 504 in time, and payments work again once it goes on', async () => {
    wallet.process.kill('SIGSTOP');
    const answers = await times(20, () => pay(payment)).finally(() => wallet.process.kill('SIGCONT'));
    await until('payments work again', async () => (await pay(payment)).status === 200);

    expect(answers.map(summary)).toEqual(answers.map(() => tooLate));
    for (const { milliseconds } of answers) expect(milliseconds).toBeLessThan(3_000 + leeway);
  });

  test('When it is all over, then every program has lived through it, and logged no secret and no token', async () => {
    expect(await world.violations()).toEqual([]);
  });
});

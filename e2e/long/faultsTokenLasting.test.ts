import { type Answer, call, paid, pay, summary, times, until } from '../helpers/calls';
import { World } from '../helpers/harness';
import { someSeconds } from '../helpers/matchers';
import { type FakeWallet, startFakeWallet } from '../helpers/fakeWallet';
import type { Fault } from '../helpers/stytchAdmin';

/** The longest wait for a token, and a margin for a busy machine. Milliseconds. */
const timeout = 5_000;
const leeway = 5_000;

const unreachable = { status: 503, code: 'stytch_unreachable', retryAfter: someSeconds };
const timedOut = { status: 504, code: 'stytch_timeout', retryAfter: someSeconds };

describe("Lasting faults of Stytch's token endpoint", () => {
  const worlds: World[] = [];
  let wallet: FakeWallet;

  beforeAll(async () => {
    wallet = await startFakeWallet();
  });
  afterAll(async () => {
    await Promise.all(worlds.map((world) => world.stop()));
    await wallet.stop();
  });

  const lasting: {
    behaviour: string;
    fault: Fault;
    answer: { status: number; code: string; retryAfter: unknown };
    atLeast: number;
    mostRequests: number;
  }[] = [
    { behaviour: 'hangs', fault: { kind: 'hang' }, answer: timedOut, atLeast: 4_500, mostRequests: 1 },
    { behaviour: 'stalls', fault: { kind: 'stall' }, answer: timedOut, atLeast: 4_500, mostRequests: 1 },
    { behaviour: 'drops', fault: { kind: 'drop' }, answer: unreachable, atLeast: 1_000, mostRequests: 30 },
    {
      behaviour: 'sends HTML',
      fault: { kind: 'not_json' },
      answer: unreachable,
      atLeast: 1_000,
      mostRequests: 30,
    },
    {
      behaviour: 'answers 500',
      fault: { kind: 'status', status: 500 },
      answer: unreachable,
      atLeast: 1_000,
      mostRequests: 30,
    },
    {
      behaviour: 'answers 429, Retry-After: 5',
      fault: { kind: 'status', status: 429, retry_after_seconds: 5 },
      answer: { ...unreachable, retryAfter: '5' },
      atLeast: 0,
      mostRequests: 1,
    },
  ];

  test.concurrent.each(lasting)(
    'When it $behaviour and no token is cached, then all callers get $answer.status $answer.code in time, and payments work again afterwards',
    async ({ fault, answer, atLeast, mostRequests }) => {
      const { world, stytch } = await startWorld();
      const payment = await world.startPayment(wallet);
      await stytch.breakTokens(fault);

      const answers = await times(20, () => pay(payment));
      const requests = await stytch.tokenRequests();
      await stytch.clearFaults();
      const again = await until('payments work again', async () => {
        const { status } = await pay(payment);
        return status === 200 && (await stytch.tokenRequests());
      });

      expect(answers.map(summary)).toEqual(answers.map(() => answer));
      for (const { milliseconds } of answers) {
        expect(milliseconds).toBeGreaterThanOrEqual(atLeast);
        expect(milliseconds).toBeLessThan(timeout + leeway);
      }
      expect(requests).toBeLessThanOrEqual(mostRequests);
      // While the payment-server waits for Retry-After, it makes no request.
      if (mostRequests === 1) expect(again).toBe(2);
      expect(await world.violations()).toEqual([]);
    },
  );

  test.concurrent(
    'When a refresh fails, then callers get the cached token until a refresh succeeds',
    async () => {
      const { world, stytch } = await startWorld();
      const payment = await world.startPayment(wallet);
      const answers: Answer[] = [];
      await stytch.setTokenLifetime(10);

      answers.push(await pay(payment));
      await stytch.breakTokens({ kind: 'status', status: 500 });
      await until('a refresh has failed', async () => {
        answers.push(await pay(payment));
        return (await stytch.tokenRequests()) >= 2;
      });
      answers.push(...(await times(10, () => pay(payment))));
      await stytch.clearFaults();
      await until('a refresh has succeeded', async () => {
        answers.push(await pay(payment));
        const { text } = await call(`${payment.url}/metrics`);
        return text.includes('access_token_requests_total{result="refreshed"} 1');
      });

      expect(answers.map(summary)).toEqual(answers.map(() => paid));
      expect(await world.violations()).toEqual([]);
    },
  );

  test.concurrent(
    'When the M2M client is deactivated, then a cached token still works and a new one is refused, until it is reactivated',
    async () => {
      const { world, stytch } = await startWorld();
      const [old, other] = [await world.startPayment(wallet), await world.startPayment(wallet)];
      await pay(old);
      await stytch.setClientStatus('inactive');
      await stytch.forgetRequests();

      const refused = [...(await times(20, () => pay(other))), ...(await times(20, () => pay(other)))];
      const requests = await stytch.tokenRequests();
      const withCachedToken = await pay(old);
      await stytch.setClientStatus('active');
      const again = await until('payments work again', async () => {
        const answer = await pay(other);
        return answer.status === 200 && answer;
      });

      const refusal = { status: 502, code: 'stytch_refused_credentials' };
      expect(refused.map(summary)).toEqual(refused.map(() => refusal));
      expect(requests).toBe(1);
      expect([withCachedToken, again].map(summary)).toEqual([paid, paid]);
      expect(await world.violations()).toEqual([]);
    },
  );

  async function startWorld() {
    const world = new World();
    worlds.push(world);
    return { world, stytch: await world.startStytch() };
  }
});

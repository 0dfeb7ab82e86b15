import { call, checkBalance, during, paid, pay, summary, times, until } from '../helpers/calls';
import { World } from '../helpers/harness';
import { type FakeWallet, startFakeWallet } from '../helpers/fakeWallet';
import type { StytchAdmin } from '../helpers/stytchAdmin';

describe('A program that is asked to stop', () => {
  const world = new World();
  let stytch: StytchAdmin;
  let slowWallet: FakeWallet;

  beforeAll(async () => {
    slowWallet = await startFakeWallet();
    stytch = await world.startStytch();
  });
  afterAll(async () => {
    await world.stop();
    await slowWallet.stop();
  });

  test('When the payment-server gets SIGTERM under load, then /readyz reports it, every request is answered, and the exit code is 0', async () => {
    const payment = await world.startPayment(slowWallet);
    const slowPayment = () => pay(payment, { 'X-Request-Id': 'slow.load' });
    const inFlight = 50;

    // Callers stop once /readyz reports it, as a load balancer does.
    const answers = await during(inFlight, slowPayment, async () => {
      await until('they are in flight', () => slowWallet.seen.length >= inFlight);
      world.signal(payment, 'SIGTERM');
      await until('/readyz reports it', async () => {
        const { status, json } = await call(`${payment.url}/readyz`);
        return status === 503 && (json as { status: string }).status === 'stopping';
      });
    });

    expect(answers.length).toBeGreaterThanOrEqual(inFlight);
    expect(answers.map(summary)).toEqual(answers.map(() => paid));
    expect(await payment.ended).toBe(0);
    await expect(pay(payment)).rejects.toThrow('ECONNREFUSED');
  });

  test('When the wallet-server gets SIGTERM while requests wait for the signing keys, then they are answered, and the exit code is 0', async () => {
    const token = await stytch.mint();
    await stytch.breakKeys({ kind: 'delay', milliseconds: 2_000 });
    const wallet = await world.start('wallet-server');

    const waiting = times(50, () => checkBalance(wallet, token));
    await call(`${wallet.url}/healthz`);
    world.signal(wallet, 'SIGTERM');
    const answers = await waiting;

    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(await wallet.ended).toBe(0);
    await stytch.clearFaults();
  });

  test('When a second signal arrives while a request hangs, then the program ends at once with exit code 1', async () => {
    const payment = await world.startPayment(slowWallet);
    const hanging = expect(pay(payment, { 'X-Request-Id': 'hang.stop' })).rejects.toThrow();
    await until('the request hangs', () => slowWallet.seen.includes('hang.stop'));
    let end: number | NodeJS.Signals | undefined;
    void payment.ended.then((how) => (end = how));

    // For half a second, further signals count as the same key press.
    await until('it has ended', () => {
      if (end === undefined) world.signal(payment, 'SIGTERM');
      return end !== undefined;
    });

    expect(end).toBe(1);
    await hanging;
  });

  test('After all of this, no program has logged a secret or a token', async () => {
    expect(await world.violations()).toEqual([]);
  });
});

import { randomUUID } from 'node:crypto';
import type { Program } from '../../tools/src/program';
import { type Answer, call, checkBalance, during, paid, pay, summary, times, until } from '../helpers/calls';
import { World } from '../helpers/harness';
import { someSeconds } from '../helpers/matchers';
import type { StytchAdmin } from '../helpers/stytchAdmin';

/** The shortest time between two requests for the signing keys that unknown key ids cause. Milliseconds. */
const cooldown = 5_000;
/** The timeout of one fetch of the keys. Milliseconds. */
const fetchTimeout = 3_000;
/** A margin for a busy machine. Milliseconds. */
const leeway = 5_000;

const balance = {
  status: 200,
  code: { customerName: 'john_doe', walletId: 'oipk9ifgl7yto9w', walletBalance: 1790 },
};
const invalidToken = { status: 401, code: 'invalid_token' };
const noKeys = { status: 503, code: 'authorization_unavailable', retryAfter: someSeconds };

/** An access token with an unknown key id and the signature of another token. */
function forge(model: string): string {
  const header = { alg: 'RS256', kid: `jwk-${randomUUID()}`, typ: 'JWT' };
  return [Buffer.from(JSON.stringify(header)).toString('base64url'), ...model.split('.').slice(1)].join('.');
}

describe('The signing keys', () => {
  const world = new World();
  let stytch: StytchAdmin;
  let wallet: Program;
  let payment: Program;

  beforeAll(async () => {
    ({ stytch, wallet, payment } = await world.startServices());
    await pay(payment);
  });
  beforeEach(async () => {
    await stytch.clearFaults();
    await stytch.forgetRequests();
  });
  afterAll(() => world.stop());

  test('When a wallet-server starts while they are unavailable, then it is not ready and answers 503 until they are', async () => {
    const token = await stytch.mint();
    await stytch.breakKeys({ kind: 'drop', count: 1 });
    await stytch.breakKeys({ kind: 'hang' });
    const startedAt = Date.now();
    const late = await world.start('wallet-server');

    const [unready, alive] = [await call(`${late.url}/readyz`), await call(`${late.url}/healthz`)];
    const refused: Answer[] = [];
    await until('it has tried twice', async () => {
      refused.push(...(await times(10, (index) => checkBalance(late, index > 0 ? forge(token) : token))));
      return (await stytch.keyRequests()) >= 2;
    });
    const requests = await stytch.keyRequests();
    const seconds = (Date.now() - startedAt) / 1_000;
    await stytch.clearFaults();
    await until('it is ready', async () => (await call(`${late.url}/readyz`)).status === 200);
    const again = await checkBalance(late, token);

    expect([unready.status, unready.json, alive.status]).toEqual([503, { status: 'not_ready' }, 200]);
    expect(refused.map(summary)).toEqual(refused.map(() => noKeys));
    for (const { milliseconds } of refused) expect(milliseconds).toBeLessThan(fetchTimeout + leeway);
    expect(requests).toBeLessThan(5 + 2 * seconds);
    expect(summary(again)).toEqual(balance);
  });

  test('When they are unavailable for a while, then tokens of cached keys are accepted, and forged tokens cause few requests', async () => {
    const [seen, unseen] = [await stytch.mint(), await stytch.mint({ claims: { jti: 'another' } })];
    await checkBalance(wallet, seen);
    await stytch.breakKeys({ kind: 'hang' });
    const startedAt = Date.now();

    const good = [await checkBalance(wallet, seen), await checkBalance(wallet, unseen), await pay(payment)];
    const forged = await times(300, () => checkBalance(wallet, forge(seen)));
    const requests = await stytch.keyRequests();
    const cooldowns = Math.floor((Date.now() - startedAt) / cooldown);
    await stytch.clearFaults();
    const again = await checkBalance(wallet, await stytch.mint({ claims: { jti: 'a third' } }));

    expect(good.map(summary)).toEqual([balance, balance, paid]);
    for (const answer of forged) {
      expect([invalidToken, noKeys]).toContainEqual(summary(answer));
      expect(answer.milliseconds).toBeLessThan(fetchTimeout + leeway);
    }
    expect(requests).toBeLessThanOrEqual(1 + cooldowns);
    expect(summary(again)).toEqual(balance);
  });

  test('When the key is rotated during a flood of unknown key ids, then the new key is used within 5 s, with one fetch every 5 s', async () => {
    const [seen, unseen] = [await stytch.mint(), await stytch.mint({ claims: { jti: 'unseen' } })];
    await checkBalance(wallet, seen);
    let milliseconds = Infinity;

    const forged = await during(
      6,
      () => checkBalance(wallet, forge(seen)),
      async () => {
        await until('an unknown key id causes a fetch', async () => (await stytch.keyRequests()) > 0);
        await stytch.rotateKeys(false);
        const rotatedAt = Date.now();
        const token = await stytch.mint();
        await until('the new key is used', async () => (await checkBalance(wallet, token)).status === 200);
        milliseconds = Date.now() - rotatedAt;
      },
    );
    const fetches = await stytch.keyRequestTimes();
    const old = [await checkBalance(wallet, seen), await checkBalance(wallet, unseen)];

    expect(milliseconds).toBeLessThan(cooldown + leeway);
    expect(fetches.length).toBeGreaterThanOrEqual(2);
    fetches.slice(1).forEach((at, index) => {
      expect(at - (fetches[index] ?? 0)).toBeGreaterThan(cooldown - 500);
    });
    expect(forged.length).toBeGreaterThan(100);
    // 503 while the last fetch is the failed one of the test before.
    for (const answer of forged) expect([invalidToken, noKeys]).toContainEqual(summary(answer));
    expect(summary(forged.at(-1)!)).toEqual(invalidToken);
    // The server knows that the old key is withdrawn: its tokens are rejected, even those that were verified before.
    expect(old.map(summary)).toEqual([invalidToken, invalidToken]);
  });

  test('When the key is rotated and the old one stays published, then a wallet-server that starts accepts tokens of both', async () => {
    const old = await stytch.mint();
    await stytch.rotateKeys(true);
    wallet = await world.restartWallet(wallet);

    const answers = [await checkBalance(wallet, old), await checkBalance(wallet, await stytch.mint())];

    expect(answers.map(summary)).toEqual([balance, balance]);
  });

  test('When the key that signed the cached token is retired, then payments continue with one new token', async () => {
    await stytch.rotateKeys(false);
    // After a restart the wallet-server has no verified token and only the new key.
    wallet = await world.restartWallet(wallet);
    await stytch.forgetRequests();

    const answers = await times(50, () => pay(payment));

    expect(answers.map(summary)).toEqual(answers.map(() => paid));
    expect(await stytch.tokenRequests()).toBe(1);
    // The first payment whose token is rejected gets a new one. Which of the 50 that is depends on timing.
    const timings = answers.map(({ headers }) => headers['server-timing'] ?? '');
    expect(timings).toContainEqual(expect.stringMatching(/^token;desc="cache".*token;desc="refreshed"/));
  });

  test('When local-stytch restarts with new signing keys, then both servers continue without a restart', async () => {
    await stytch.setTokenLifetime(3);
    const shortLived = await world.startPayment(wallet);
    const before = [await pay(shortLived), await pay(payment)];
    stytch = await world.restartStytch(stytch);

    await until('the new local-stytch is asked for a token', async () => {
      await pay(shortLived);
      return (await stytch.tokenRequests()) > 0;
    });
    const token = await stytch.mint();
    await until('the new key is used', async () => (await checkBalance(wallet, token)).status === 200);
    const after = [...(await times(20, () => pay(shortLived))), await pay(payment)];

    expect(before.map(summary)).toEqual([paid, paid]);
    expect(after.map(summary)).toEqual(after.map(() => paid));
  });

  test('After all of this, every program still runs, and none has logged a secret or a token', async () => {
    expect(await world.violations()).toEqual([]);
  });
});

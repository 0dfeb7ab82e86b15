import { randomUUID } from 'node:crypto';
import type { Program } from '../../tools/src/program';
import {
  type Answer,
  call,
  checkBalance,
  during,
  paid,
  pay,
  someSeconds,
  summary,
  times,
  until,
} from '../helpers/calls';
import { World } from '../helpers/harness';
import type { StytchAdmin } from '../helpers/stytchAdmin';

/** The least time between two requests for the signing keys that unknown key ids cause. Milliseconds. */
const cooldown = 5_000;
/** How long one fetch of them may take. Milliseconds. */
const fetchDeadline = 3_000;
/** What a busy machine may add to a time. Milliseconds. */
const leeway = 5_000;

const balance = {
  status: 200,
  code: { customerName: 'john_doe', walletId: 'oipk9ifgl7yto9w', walletBalance: 1790 },
};
const invalidToken = { status: 401, code: 'invalid_token' };
const noKeys = { status: 503, code: 'authorization_unavailable', retryAfter: someSeconds };

/** An access token under a key id that no project has; its signature is another token's. */
function forge(good: string): string {
  const header = { alg: 'RS256', kid: `jwk-${randomUUID()}`, typ: 'JWT' };
  return [Buffer.from(JSON.stringify(header)).toString('base64url'), ...good.split('.').slice(1)].join('.');
}

describe('The signing keys', () => {
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
  beforeEach(async () => {
    await stytch.mend();
    await stytch.forgetRequests();
  });
  afterAll(() => world.stop());

  test('When a wallet-server starts while they are unavailable, then it is not ready and answers 503 until they are available', async () => {
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
    await stytch.mend();
    await until('it is ready', async () => (await call(`${late.url}/readyz`)).status === 200);
    const again = await checkBalance(late, token);

    expect([unready.status, unready.json, alive.status]).toEqual([503, { status: 'not_ready' }, 200]);
    expect(refused.map(summary)).toEqual(refused.map(() => noKeys));
    for (const { milliseconds } of refused) expect(milliseconds).toBeLessThan(fetchDeadline + leeway);
    expect(requests).toBeLessThan(5 + 2 * seconds);
    expect(summary(again)).toEqual(balance);
  });

  test('When they are unavailable for a while, then tokens of the cached keys are accepted, and forged ones cause no requests', async () => {
    const [seen, unseen] = [await stytch.mint(), await stytch.mint({ claims: { jti: 'another' } })];
    await checkBalance(wallet, seen);
    await stytch.breakKeys({ kind: 'hang' });
    const startedAt = Date.now();

    const good = [await checkBalance(wallet, seen), await checkBalance(wallet, unseen), await pay(payment)];
    const forged = await times(300, () => checkBalance(wallet, forge(seen)));
    const requests = await stytch.keyRequests();
    const cooldowns = Math.floor((Date.now() - startedAt) / cooldown);
    await stytch.mend();
    const again = await checkBalance(wallet, await stytch.mint({ claims: { jti: 'a third' } }));

    expect(good.map(summary)).toEqual([balance, balance, paid]);
    for (const answer of forged) {
      expect([invalidToken, noKeys]).toContainEqual(summary(answer));
      expect(answer.milliseconds).toBeLessThan(fetchDeadline + leeway);
    }
    expect(requests).toBeLessThanOrEqual(1 + cooldowns);
    expect(summary(again)).toEqual(balance);
  });

  test('When the key is rotated amid a flood of invented key ids, then the new one is taken in 5 s, at one fetch in 5 s', async () => {
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
        await until('the new key is taken', async () => (await checkBalance(wallet, token)).status === 200);
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
    // 503 as long as the last fetch, in the test before, is the one that failed.
    for (const answer of forged) expect([invalidToken, noKeys]).toContainEqual(summary(answer));
    expect(summary(forged.at(-1)!)).toEqual(invalidToken);
    // The old key is withdrawn, and the server knows: its tokens stop, verified before or not.
    expect(old.map(summary)).toEqual([invalidToken, invalidToken]);
  });

  test('When the key is rotated and the old one stays published, then a wallet-server that starts takes tokens of both', async () => {
    const old = await stytch.mint();
    await stytch.rotateKeys(true);
    wallet = await world.restartWallet(wallet);

    const answers = [await checkBalance(wallet, old), await checkBalance(wallet, await stytch.mint())];

    expect(answers.map(summary)).toEqual([balance, balance]);
  });

  test('When the key that signed the cached token is retired, then payments go on with one new token', async () => {
    await stytch.rotateKeys(false);
    // A wallet-server that remembers no token knows of the new key alone.
    wallet = await world.restartWallet(wallet);
    await stytch.forgetRequests();

    const answers = await times(50, () => pay(payment));

    expect(answers.map(summary)).toEqual(answers.map(() => paid));
    expect(await stytch.tokenRequests()).toBe(1);
    // The first whose old token is rejected gets the refreshed one; which of the 50 that is depends on the machine.
    const timings = answers.map(({ headers }) => headers['server-timing'] ?? '');
    expect(timings).toContainEqual(expect.stringMatching(/^token;desc="cache".*token;desc="refreshed"/));
  });

  test('When local-stytch restarts with other signing keys, then both servers go on without a restart', async () => {
    await stytch.setTokenLifetime(3);
    const shortLived = await world.startPayment(wallet);
    const before = [await pay(shortLived), await pay(payment)];
    stytch = await world.restartStytch(stytch);

    await until('the restarted one is asked for a token', async () => {
      await pay(shortLived);
      return (await stytch.tokenRequests()) > 0;
    });
    const token = await stytch.mint();
    await until('the new key is taken', async () => (await checkBalance(wallet, token)).status === 200);
    const after = [...(await times(20, () => pay(shortLived))), await pay(payment)];

    expect(before.map(summary)).toEqual([paid, paid]);
    expect(after.map(summary)).toEqual(after.map(() => paid));
  });

  test('When it is all over, then every program has lived through it, and logged no secret and no token', async () => {
    expect(await world.violations()).toEqual([]);
  });
});

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Program } from '../../tools/src/program';
import { type Answer, call, during, paid, pay, summary, until } from '../helpers/calls';
import { World } from '../helpers/harness';
import { type RoundRobin, startRoundRobin } from '../helpers/roundRobin';
import type { StytchAdmin } from '../helpers/stytchAdmin';

/** The number of answers between one event and the next. */
const answersBetween = 60;
/** How a client retries: the number of attempts, and the pause between them. */
const maxAttempts = 4;
const pauseMilliseconds = 100;

jest.setTimeout(120_000);

describe('3 payment-servers and 2 wallet-servers, each behind a proxy', () => {
  const world = new World();
  const folder = mkdtempSync(join(tmpdir(), 'replicas-'));
  const path = join(folder, 'client-secret');
  let stytch: StytchAdmin;
  let wallets: Program[];
  let payments: Program[];
  let walletProxy: RoundRobin;
  let paymentProxy: RoundRobin;

  beforeAll(async () => {
    stytch = await world.startStytch();
    await stytch.setTokenLifetime(3);
    writeFileSync(path, `${stytch.program.seed.CLIENT_SECRET ?? ''}\n`, { mode: 0o600 });
    wallets = await Promise.all([world.startWallet(), world.startWallet()]);
    walletProxy = await startRoundRobin(wallets.map(({ url }) => url));
    const environment = { CLIENT_SECRET: '', CLIENT_SECRET_FILE: path };
    const start = () => world.startPayment(walletProxy, environment);
    payments = await Promise.all([start(), start(), start()]);
    paymentProxy = await startRoundRobin(payments.map(({ url }) => url));
  });
  afterAll(async () => {
    await paymentProxy.stop();
    await walletProxy.stop();
    expect(await world.violations()).toEqual([]);
    rmSync(folder, { recursive: true });
  });

  async function payWithRetries(): Promise<Answer> {
    for (let attempt = 1; ; attempt += 1) {
      const answer = await pay(paymentProxy).catch(() => undefined);
      if (answer && (answer.status < 500 || attempt === maxAttempts)) return answer;
      if (attempt === maxAttempts) throw new Error('no answer');
      await wait(pauseMilliseconds);
    }
  }

  test('When the secret is rotated and replicas are killed and restarted, then no request fails', async () => {
    const secretBefore = readFileSync(path, 'utf8');

    const answers = await during(6, payWithRetries, async (soFar) => {
      const some = () => {
        const enough = soFar.length + answersBetween;
        return until('there are some answers', () => soFar.length >= enough);
      };
      await some();
      const rotated = await call(`${paymentProxy.url}/rotate-client-secret`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${await stytch.mintForOperator()}` },
      });
      expect(summary(rotated)).toMatchObject({ status: 200 });
      await some();
      world.signal(payments[0]!, 'SIGKILL');
      await some();
      world.signal(wallets[0]!, 'SIGKILL');
      await wallets[0]!.ended;
      await some();
      await world.startWallet({ PORT: new URL(wallets[0]!.url).port });
      // By then the tokens from before the rotation have expired, so the last answers need the new secret.
      const longEnough = Date.now() + 3_000;
      await until('the tokens are new', () => Date.now() > longEnough);
      await some();
    });

    expect(answers.map(summary)).toEqual(answers.map(() => paid));
    expect(answers.length).toBeGreaterThan(5 * answersBetween);
    expect(readFileSync(path, 'utf8')).not.toBe(secretBefore);
    for (const count of [...paymentProxy.answered.values(), ...walletProxy.answered.values()]) {
      expect(count).toBeGreaterThan(0);
    }
  });
});

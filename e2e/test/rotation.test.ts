import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import autocannon from 'autocannon';
import { during, fullSpeed, paid, pay, summary, until } from '../helpers/calls';
import { useRotationWorld } from '../helpers/rotationWorld';

/** The duration of the load, without the time that the rotations take. Seconds. */
const loadSeconds = Number(process.env.ROTATION_SECONDS ?? '2');

const world = useRotationWorld();

/** A process releases the lock a moment after it has stored a secret. */
const untilUnlocked = () =>
  until('only the file is left', () => readdirSync(join(world.path, '..')).join() === 'client-secret');

describe('A rotation under load, with tokens that live 3 s', () => {
  test(
    'When the secret is rotated five times, of which one is cancelled and one fails in the middle, then no request fails',
    async () => {
      await world.stytch.setTokenLifetime(3);
      const payment = await world.startPayment();
      expect(summary(await pay(payment))).toEqual(paid);
      const load = autocannon({
        url: `${payment.url}/initiate-payment`,
        connections: 20,
        duration: loadSeconds + 60, // It is stopped earlier.
        ...(!fullSpeed && { overallRate: 200 }),
      });
      const seen = [world.storedSecrets().secret];
      const pause = () => wait((loadSeconds * 1_000) / 8);
      const note = () => seen.push(world.storedSecrets().secret);

      await pause();
      await world.succeed(payment, 'rotate-client-secret');
      note();

      await pause();
      await world.succeed(payment, 'start-secret-rotation');
      await pause(); // Both secrets are valid under load.
      await world.succeed(payment, 'complete-secret-rotation');
      note();

      await pause();
      const cancelled = await world.succeed(payment, 'start-secret-rotation');
      await pause();
      await world.succeed(payment, 'cancel-secret-rotation');

      await pause();
      // Stytch starts to fail after the next secret is stored, and fails for a while.
      await world.stytch.addFault('/v1/m2m/*', { method: 'GET', kind: 'status', status: 500, count: 3 });
      const rotate = `/v1/m2m/clients/${world.seed('CLIENT_ID')}/secrets/rotate`;
      await world.stytch.addFault(rotate, { kind: 'drop', count: 1 });
      await world.stytch.addFault(rotate, { kind: 'status', status: 500, count: 1 });
      const failed = await world.administer(payment, 'rotate-client-secret');
      await until('the rotation is completed', async () => {
        return (await world.administer(payment, 'rotate-client-secret')).status === 200;
      });
      note();

      await pause();
      await world.succeed(payment, 'rotate-client-secret');
      note();

      await pause();
      load.stop();
      const result = await load;
      const old = await Promise.all(
        [...seen.slice(0, -1), String(cancelled)].map((secret) => world.works(secret)),
      );
      process.stdout.write(
        `${result.requests.total} requests in ${result.duration} s, ${result.non2xx} failed\n`,
      );
      expect(result).toMatchObject({ errors: 0, timeouts: 0, non2xx: 0 });
      expect(result.requests.total).toBeGreaterThan(100);
      expect(failed.status).toBe(503);
      expect(new Set(seen).size).toBe(5);
      expect(old).toEqual([false, false, false, false, false]);
      expect(await world.works(world.storedSecrets().secret)).toBe(true);
      expect(world.lines.filter((line) => seen.some((secret) => line.includes(secret)))).toEqual([]);
    },
    (loadSeconds + 60) * 1_000,
  );

  test('When the answers of Stytch are lost, one after the other, then no request fails, and the next attempt succeeds', async () => {
    await world.stytch.setTokenLifetime(3);
    const payment = await world.startPayment();
    const client = `/v1/m2m/clients/${world.seed('CLIENT_ID')}/secrets/rotate`;
    const lose = (path: string) => world.stytch.addFault(path, { kind: 'drop_answer', count: 1 });

    const answers = await during(
      5,
      () => pay(payment),
      async () => {
        await lose(`${client}/start`);
        expect((await world.administer(payment, 'start-secret-rotation')).status).toBe(503);
        await world.succeed(payment, 'start-secret-rotation');
        await lose(`${client}/cancel`);
        expect((await world.administer(payment, 'cancel-secret-rotation')).status).toBe(503);
        await wait(1_500);
        await world.succeed(payment, 'cancel-secret-rotation');
        await lose(client);
        await world.succeed(payment, 'rotate-client-secret');
      },
    );

    expect(answers.map(summary).filter(({ status }) => status !== 200)).toEqual([]);
    expect(answers.length).toBeGreaterThan(10);
    expect(await world.works(world.storedSecrets().secret)).toBe(true);
    expect(world.storedSecrets().nextSecret).toBeUndefined();
  }, 60_000);
});

describe('Two payment-servers that share a secret file', () => {
  test('When one rotates the secret, then the other never fails, and both get their next tokens with the new secret', async () => {
    await world.stytch.setTokenLifetime(2);
    const one = await world.startPayment();
    const other = await world.startPayment();
    const first = world.storedSecrets().secret;
    // Only the server that makes payments needs tokens.
    const refreshed = async () => {
      await world.stytch.forgetRequests();
      await until('its token is refreshed', async () => (await world.stytch.tokenRequests()) > 0);
    };

    const answers = await during(
      4,
      () => pay(other),
      async () => {
        await world.succeed(one, 'rotate-client-secret');
        await refreshed();
        await world.succeed(one, 'start-secret-rotation');
        await refreshed();
        await world.succeed(other, 'complete-secret-rotation');
        await refreshed();
      },
    );
    await world.stytch.forgetRequests();
    const after = await Promise.all(
      [one, other].map((payment) =>
        until('it has a new token', async () => {
          expect(summary(await pay(payment))).toEqual(paid);
          return (await world.stytch.tokenRequests()) > 1;
        }),
      ),
    );

    expect(answers.map(summary).filter(({ status }) => status !== 200)).toEqual([]);
    expect(after).toEqual([true, true]);
    expect([await world.works(first), await world.works(world.storedSecrets().secret)]).toEqual([
      false,
      true,
    ]);
  }, 60_000);

  test('When both rotate at once, then one may get a conflict, and both have a secret that works', async () => {
    const [one, other] = [await world.startPayment(), await world.startPayment()];

    const answers = await Promise.all(
      [one, other].map((payment) => world.administer(payment, 'rotate-client-secret')),
    );

    const statuses = answers.map(({ status }) => status).sort();
    expect([
      [200, 409],
      [200, 200],
    ]).toContainEqual(statuses);
    expect([summary(await pay(one)), summary(await pay(other))]).toEqual([paid, paid]);
    expect(await world.works(world.storedSecrets().secret)).toBe(true);
    await untilUnlocked();
  }, 30_000);
});

describe('A payment-server that is killed in the middle of a rotation', () => {
  test('When it restarts, then it completes the rotation', async () => {
    const first = await world.startPayment();
    await world.stytch.breakTokens({ kind: 'hang' });
    const rotation = world.administer(first, 'rotate-client-secret').catch(() => undefined);
    await until('the next secret is stored', () => world.storedSecrets().nextSecret !== undefined);
    world.signal(first, 'SIGKILL');
    await Promise.all([first.ended, rotation]);
    await world.stytch.clearFaults();
    const { nextSecret } = world.storedSecrets();

    const second = await world.startPayment();
    await until('the rotation has ended', () => world.storedSecrets().nextSecret === undefined);

    expect(world.storedSecrets().secret).toBe(nextSecret);
    expect(summary(await pay(second))).toEqual(paid);
    await untilUnlocked();
  }, 30_000);
});

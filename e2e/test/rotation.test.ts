import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import autocannon from 'autocannon';
import type { Program } from '../../tools/src/program';
import { call, during, fullSpeed, paid, pay, summary, until } from '../helpers/calls';
import { World } from '../helpers/harness';
import type { StytchAdmin } from '../helpers/stytchAdmin';

/** The duration of the load, without the time that the rotations take. Seconds. */
const loadSeconds = Number(process.env.ROTATION_SECONDS ?? '2');

let world: World;
const lines: string[] = [];
let stytch: StytchAdmin;
let wallet: Program;
let folder: string;
let path: string;
let operator: string;
let started: Program[] = [];

beforeAll(async () => {
  world = new World();
  world.allLines = lines;
  stytch = await world.startStytch();
  wallet = await world.startWallet();
  folder = mkdtempSync(join(tmpdir(), 'rotation-'));
});
beforeEach(async () => {
  await stytch.reset();
  path = join(mkdtempSync(join(folder, 'secret-')), 'client-secret');
  writeFileSync(path, `${seed('CLIENT_SECRET')}\n`, { mode: 0o600 });
  operator = await stytch.mintForOperator();
});
afterEach(async () => {
  for (const payment of started) world.signal(payment, 'SIGTERM');
  const ends = await Promise.all(started.map(({ ended }) => ended));
  expect(ends.filter((end) => end !== 0 && end !== 'SIGKILL')).toEqual([]);
  started = [];
});
afterAll(async () => {
  expect(await world.violations()).toEqual([]);
  rmSync(folder, { recursive: true });
});

function seed(name: string): string {
  return stytch.program.seed[name] ?? '';
}

/** Starts a payment-server whose secret is in the file. */
async function startPayment(environment: NodeJS.ProcessEnv = {}): Promise<Program> {
  const payment = await world.startPayment(wallet, {
    CLIENT_SECRET: '',
    CLIENT_SECRET_FILE: path,
    ADMIN_RATE_LIMIT: '10000',
    ...environment,
  });
  started.push(payment);
  return payment;
}

function administer({ url }: Program, route: string, method = 'POST', token = operator) {
  return call(`${url}/${route}`, { method, headers: { Authorization: `Bearer ${token}` } });
}

async function succeed(payment: Program, route: string): Promise<unknown> {
  const answer = await administer(payment, route);
  expect(summary(answer)).toMatchObject({ status: 200 });
  return answer.json;
}

function storedSecrets(): { secret: string; nextSecret: string | undefined } {
  const [secret = '', ...lines] = readFileSync(path, 'utf8').trim().split('\n');
  const next = lines.find((line) => line.startsWith('next-secret: '));
  return { secret, nextSecret: next?.slice('next-secret: '.length) };
}

/** Whether Stytch accepts a secret of payment-service. */
function works(secret: string): Promise<boolean> {
  return stytch.acceptsSecret(secret);
}

describe('A rotation under load, with tokens that live 3 s', () => {
  test(
    'When the secret is rotated five times, of which one is cancelled and one fails in the middle, then no request fails',
    async () => {
      await stytch.setTokenLifetime(3);
      const payment = await startPayment();
      expect(summary(await pay(payment))).toEqual(paid);
      const load = autocannon({
        url: `${payment.url}/initiate-payment`,
        connections: 20,
        duration: loadSeconds + 60, // It is stopped earlier.
        ...(!fullSpeed && { overallRate: 200 }),
      });
      const seen = [storedSecrets().secret];
      const pause = () => wait((loadSeconds * 1_000) / 8);
      const note = () => seen.push(storedSecrets().secret);

      await pause();
      await succeed(payment, 'rotate-client-secret');
      note();

      await pause();
      await succeed(payment, 'start-secret-rotation');
      await pause(); // Both secrets are valid under load.
      await succeed(payment, 'complete-secret-rotation');
      note();

      await pause();
      const cancelled = await succeed(payment, 'start-secret-rotation');
      await pause();
      await succeed(payment, 'cancel-secret-rotation');

      await pause();
      // Stytch starts to fail after the next secret is stored, and fails for a while.
      await stytch.addFault('/v1/m2m/*', { method: 'GET', kind: 'status', status: 500, count: 3 });
      const rotate = `/v1/m2m/clients/${seed('CLIENT_ID')}/secrets/rotate`;
      await stytch.addFault(rotate, { kind: 'drop', count: 1 });
      await stytch.addFault(rotate, { kind: 'status', status: 500, count: 1 });
      const failed = await administer(payment, 'rotate-client-secret');
      await until('the rotation is completed', async () => {
        return (await administer(payment, 'rotate-client-secret')).status === 200;
      });
      note();

      await pause();
      await succeed(payment, 'rotate-client-secret');
      note();

      await pause();
      load.stop();
      const result = await load;
      const old = await Promise.all([...seen.slice(0, -1), String(cancelled)].map(works));
      process.stdout.write(
        `${result.requests.total} requests in ${result.duration} s, ${result.non2xx} failed\n`,
      );
      expect(result).toMatchObject({ errors: 0, timeouts: 0, non2xx: 0 });
      expect(result.requests.total).toBeGreaterThan(100);
      expect(failed.status).toBe(503);
      expect(new Set(seen).size).toBe(5);
      expect(old).toEqual([false, false, false, false, false]);
      expect(await works(storedSecrets().secret)).toBe(true);
      expect(lines.filter((line) => seen.some((secret) => line.includes(secret)))).toEqual([]);
    },
    (loadSeconds + 60) * 1_000,
  );

  test('When the answers of Stytch are lost, one after the other, then no request fails, and the next attempt succeeds', async () => {
    await stytch.setTokenLifetime(3);
    const payment = await startPayment();
    const client = `/v1/m2m/clients/${seed('CLIENT_ID')}/secrets/rotate`;
    const lose = (path: string) => stytch.addFault(path, { kind: 'drop_answer', count: 1 });

    const answers = await during(
      5,
      () => pay(payment),
      async () => {
        await lose(`${client}/start`);
        expect((await administer(payment, 'start-secret-rotation')).status).toBe(503);
        await succeed(payment, 'start-secret-rotation');
        await lose(`${client}/cancel`);
        expect((await administer(payment, 'cancel-secret-rotation')).status).toBe(503);
        await wait(1_500);
        await succeed(payment, 'cancel-secret-rotation');
        await lose(client);
        await succeed(payment, 'rotate-client-secret');
      },
    );

    expect(answers.map(summary).filter(({ status }) => status !== 200)).toEqual([]);
    expect(answers.length).toBeGreaterThan(10);
    expect(await works(storedSecrets().secret)).toBe(true);
    expect(storedSecrets().nextSecret).toBeUndefined();
  }, 60_000);
});

describe('Two payment-servers that share a secret file', () => {
  test('When one rotates the secret, then the other never fails, and both get their next tokens with the new secret', async () => {
    await stytch.setTokenLifetime(2);
    const one = await startPayment();
    const other = await startPayment();
    const first = storedSecrets().secret;
    // Only the server that makes payments needs tokens.
    const refreshed = async () => {
      await stytch.forgetRequests();
      await until('its token is refreshed', async () => (await stytch.tokenRequests()) > 0);
    };

    const answers = await during(
      4,
      () => pay(other),
      async () => {
        await succeed(one, 'rotate-client-secret');
        await refreshed();
        await succeed(one, 'start-secret-rotation');
        await refreshed();
        await succeed(other, 'complete-secret-rotation');
        await refreshed();
      },
    );
    await stytch.forgetRequests();
    const after = await Promise.all(
      [one, other].map((payment) =>
        until('it has a new token', async () => {
          expect(summary(await pay(payment))).toEqual(paid);
          return (await stytch.tokenRequests()) > 1;
        }),
      ),
    );

    expect(answers.map(summary).filter(({ status }) => status !== 200)).toEqual([]);
    expect(after).toEqual([true, true]);
    expect([await works(first), await works(storedSecrets().secret)]).toEqual([false, true]);
  }, 60_000);

  test('When both rotate at once, then one may get a conflict, and both have a secret that works', async () => {
    const [one, other] = [await startPayment(), await startPayment()];

    const answers = await Promise.all(
      [one, other].map((payment) => administer(payment, 'rotate-client-secret')),
    );

    const statuses = answers.map(({ status }) => status).sort();
    expect([
      [200, 409],
      [200, 200],
    ]).toContainEqual(statuses);
    expect([summary(await pay(one)), summary(await pay(other))]).toEqual([paid, paid]);
    expect(await works(storedSecrets().secret)).toBe(true);
    // The lock is released after the secret is stored.
    await until('only the file is left', () => readdirSync(join(path, '..')).join() === 'client-secret');
  }, 30_000);
});

describe('A payment-server that is killed in the middle of a rotation', () => {
  test('When it restarts, then it completes the rotation', async () => {
    const first = await startPayment();
    await stytch.breakTokens({ kind: 'hang' });
    const rotation = administer(first, 'rotate-client-secret').catch(() => undefined);
    await until('the next secret is stored', () => storedSecrets().nextSecret !== undefined);
    world.signal(first, 'SIGKILL');
    await Promise.all([first.ended, rotation]);
    await stytch.clearFaults();
    const { nextSecret } = storedSecrets();

    const second = await startPayment();
    await until('the rotation has ended', () => storedSecrets().nextSecret === undefined);

    expect(storedSecrets().secret).toBe(nextSecret);
    expect(summary(await pay(second))).toEqual(paid);
    expect(readdirSync(join(path, '..'))).toEqual(['client-secret']);
  }, 30_000);
});

describe('Mistakes of an operator', () => {
  let payment: Program;
  beforeEach(async () => {
    writeFileSync(path, `${seed('CLIENT_SECRET')}\nlast-rotated: 2026-01-01T12:00:00.000Z\n`);
    payment = await startPayment();
  });

  /** Expects that a call is refused and changes neither the file nor the status nor the secret at Stytch. */
  async function expectRefused(
    route: string,
    expected: { status: number; code: string; error?: string },
    token = operator,
  ) {
    const state = async () => ({
      file: readFileSync(path, 'utf8'),
      status: (await administer(payment, 'rotation-status', 'GET')).json,
      folder: readdirSync(join(path, '..')),
    });
    const before = await state();
    const answer = await administer(payment, route, 'POST', token);
    expect(answer.json).toMatchObject({ code: expected.code, error: expected.error ?? expect.any(String) });
    expect(answer.status).toBe(expected.status);
    expect(await state()).toEqual(before);
    expect(await works(storedSecrets().secret)).toBe(true);
  }

  test('When complete or cancel is called without a start, then it is refused', async () => {
    const refusal = { status: 400, code: 'm2m_client_not_rotating_secret' };
    await expectRefused('complete-secret-rotation', refusal);
    await expectRefused('cancel-secret-rotation', refusal);
  });

  test('When start is called twice, then the second call is refused and both secrets work', async () => {
    const next = await succeed(payment, 'start-secret-rotation');

    const refusal = { status: 409, code: 'rotation_conflict' };
    const error = 'A rotation is under way: complete or cancel it first';
    await expectRefused('start-secret-rotation', { ...refusal, error });
    await expectRefused('rotate-client-secret', { ...refusal, error });

    expect(await works(String(next))).toBe(true);
    expect(storedSecrets().nextSecret).toBe(next);
  });

  test('When the token lacks the scope, then each call is refused', async () => {
    const wrong = await stytch.mint();

    for (const route of ['start', 'complete', 'cancel'].map((operation) => `${operation}-secret-rotation`)) {
      await expectRefused(route, { status: 403, code: 'insufficient_scope' }, wrong);
    }
    await expectRefused('rotate-client-secret', { status: 403, code: 'insufficient_scope' }, wrong);
  });

  test('When the client does not exist, then each call is refused with the error of Stytch', async () => {
    payment = await startPayment({ CLIENT_ID: 'm2m-client-test-00000000-0000-0000-0000-000000000000' });

    for (const route of ['start-secret-rotation', 'rotate-client-secret', 'complete-secret-rotation']) {
      await expectRefused(route, { status: 404, code: 'm2m_client_not_found' });
    }
  });

  test('When Stytch is down, then each call is refused, and works once Stytch is up', async () => {
    for (const route of ['start', 'complete', 'start', 'cancel'].map((one) => `${one}-secret-rotation`)) {
      await stytch.addFault('/v1/m2m/*', { kind: 'status', status: 500 });
      const before = (await administer(payment, 'rotation-status', 'GET')).json;

      const answer = await administer(payment, route);

      expect(summary(answer)).toMatchObject({ status: 500, code: 'internal_server_error' });
      expect((await administer(payment, 'rotation-status', 'GET')).json).toEqual(before);
      expect(summary(await pay(payment))).toEqual(paid);
      await stytch.clearFaults();
      await succeed(payment, route);
    }
  });

  test('When the file is deleted, then each call is refused, nothing changes at Stytch, and payments continue', async () => {
    rmSync(path);

    for (const route of ['start-secret-rotation', 'rotate-client-secret', 'complete-secret-rotation']) {
      const answer = await administer(payment, route);
      expect(summary(answer)).toEqual({ status: 500, code: 'secret_store_failed' });
      expect(answer.text).toContain('The file of the client secret cannot be');
      expect(answer.text).not.toContain(path);
    }

    expect(summary(await pay(payment))).toEqual(paid);
    writeFileSync(path, seed('CLIENT_SECRET'));
    await succeed(payment, 'rotate-client-secret');
  });
});

describe('A payment-server whose secret is in memory only', () => {
  test('When it rotates the secret, then the answers and the log say that the new secret must be stored', async () => {
    const payment = await startPayment({ CLIENT_SECRET: seed('CLIENT_SECRET'), CLIENT_SECRET_FILE: '' });
    const warning =
      'The new secret is kept in memory only: store it in CLIENT_SECRET before this server is restarted';

    const rotated = await administer(payment, 'rotate-client-secret');
    const { client_secret } = rotated.json as { client_secret: string };
    await succeed(payment, 'start-secret-rotation');
    const completed = await succeed(payment, 'complete-secret-rotation');

    const message = 'Secret rotation completed successfully';
    expect(rotated.json).toEqual({ message, client_secret, warning });
    expect(rotated.headers['cache-control']).toBe('no-store');
    expect(completed).toEqual({ message, warning });
    expect(await works(client_secret)).toBe(false);
    expect(lines.join('\n')).toContain('store it in CLIENT_SECRET before a restart');
    expect(lines.join('\n')).not.toContain(client_secret);
  }, 30_000);
});

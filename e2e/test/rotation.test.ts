import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import autocannon from 'autocannon';
import type { Program } from '../../tools/src/program';
import { call, during, fullSpeed, paid, pay, summary, until } from '../helpers/calls';
import { World } from '../helpers/harness';
import type { StytchAdmin } from '../helpers/stytchAdmin';

/** How long the load lasts, in seconds, without what the rotations themselves take. */
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
  operator = await stytch.mint({ claims: { sub: seed('OPERATOR_CLIENT_ID'), scope: 'manage:m2m_clients' } });
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

/** A payment-server whose secret is in the file. */
async function startPayment(environment: NodeJS.ProcessEnv = {}): Promise<Program> {
  const payment = await world.start('payment-server', {
    CLIENT_SECRET: '',
    CLIENT_SECRET_FILE: path,
    WALLET_SERVER_URL: wallet.url,
    ADMIN_RATE_LIMIT: '10000',
    ...environment,
  });
  await until(
    'the payment-server is ready',
    async () => (await call(`${payment.url}/readyz`)).status === 200,
  );
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

/** The rotation endpoints of Stytch, and the token endpoint, have this trouble. */
async function breakStytch(fault: object): Promise<void> {
  const { status } = await call(`${stytch.program.url}/local/faults`, { method: 'POST', body: fault });
  expect(status).toBe(200);
}

function storedSecrets(): { secret: string; nextSecret: string | undefined } {
  const [secret = '', ...lines] = readFileSync(path, 'utf8').trim().split('\n');
  const next = lines.find((line) => line.startsWith('next-secret: '));
  return { secret, nextSecret: next?.slice('next-secret: '.length) };
}

/** Whether Stytch gives a token for a secret of payment-service. */
async function works(secret: string): Promise<boolean> {
  const { status } = await call(
    `${seed('STYTCH_BASE_URL')}/v1/public/${seed('STYTCH_PROJECT_ID')}/oauth2/token`,
    {
      method: 'POST',
      body: { grant_type: 'client_credentials', client_id: seed('CLIENT_ID'), client_secret: secret },
    },
  );
  return status === 200;
}

describe('under load, with tokens that live 3 s', () => {
  test(
    'When the secret is rotated five times, once with Stytch failing in the middle and once cancelled, then no request fails',
    async () => {
      await stytch.setTokenLifetime(3);
      const payment = await startPayment();
      expect(summary(await pay(payment))).toEqual(paid);
      const load = autocannon({
        url: `${payment.url}/initiate-payment`,
        connections: 20,
        duration: loadSeconds + 60, // It is stopped when all is done.
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
      await pause(); // Load with both secrets.
      await succeed(payment, 'complete-secret-rotation');
      note();

      await pause();
      const cancelled = await succeed(payment, 'start-secret-rotation');
      await pause();
      await succeed(payment, 'cancel-secret-rotation');

      await pause();
      // The next secret has been stored when Stytch begins to fail, and stays so for a while.
      await breakStytch({ path: '/v1/m2m/*', method: 'GET', kind: 'status', status: 500, count: 3 });
      const rotate = `/v1/m2m/clients/${seed('CLIENT_ID')}/secrets/rotate`;
      await breakStytch({ path: rotate, kind: 'drop', count: 1 });
      await breakStytch({ path: rotate, kind: 'status', status: 500, count: 1 });
      const failed = await administer(payment, 'rotate-client-secret');
      await until('the rotation is brought to its end', async () => {
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

  test('When answers of Stytch are lost, each in turn, then no request fails and the next try ends it', async () => {
    await stytch.setTokenLifetime(3);
    const payment = await startPayment();
    const client = `/v1/m2m/clients/${seed('CLIENT_ID')}/secrets/rotate`;
    const lose = (where: string) => breakStytch({ path: where, kind: 'drop_answer', count: 1 });

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

describe('two payment-servers that share a secret file', () => {
  test('When one rotates, then the other never fails, and both get their next tokens with the new secret', async () => {
    await stytch.setTokenLifetime(2);
    const one = await startPayment();
    const other = await startPayment();
    const first = storedSecrets().secret;
    // Only the one that pays needs tokens.
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
        until('it has a token that was asked for now', async () => {
          expect(summary(await pay(payment))).toEqual(paid);
          return (await stytch.tokenRequests()) > 1;
        }),
      ),
    );

    expect(answers.map(summary).filter(({ status }) => status !== 200)).toEqual([]);
    expect(after).toEqual([true, true]);
    expect([await works(first), await works(storedSecrets().secret)]).toEqual([false, true]);
  }, 60_000);

  test('When both rotate at once, then one is told that the other is at work, and both have a secret that works', async () => {
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

describe('a payment-server that is killed in the middle of a rotation', () => {
  test('When it comes back, then it ends the rotation by itself', async () => {
    const first = await startPayment();
    await breakStytch({ path: '/v1/public/*', kind: 'hang' });
    const rotation = administer(first, 'rotate-client-secret').catch(() => undefined);
    await until('the next secret is stored', () => storedSecrets().nextSecret !== undefined);
    world.signal(first, 'SIGKILL');
    await Promise.all([first.ended, rotation]);
    await stytch.mend();
    const { nextSecret } = storedSecrets();

    const second = await startPayment();
    await until('the rotation has ended', () => storedSecrets().nextSecret === undefined);

    expect(storedSecrets().secret).toBe(nextSecret);
    expect(summary(await pay(second))).toEqual(paid);
    expect(readdirSync(join(path, '..'))).toEqual(['client-secret']);
  }, 30_000);
});

describe('an operator’s mistakes', () => {
  let payment: Program;
  beforeEach(async () => {
    writeFileSync(path, `${seed('CLIENT_SECRET')}\nlast-rotated: 2026-01-01T12:00:00.000Z\n`);
    payment = await startPayment();
  });

  /** Expects a call to be refused, and to have changed nothing: not the file, not the status, not Stytch. */
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

  test('When complete or cancel comes without a start, then it is refused', async () => {
    const refusal = { status: 400, code: 'm2m_client_not_rotating_secret' };
    await expectRefused('complete-secret-rotation', refusal);
    await expectRefused('cancel-secret-rotation', refusal);
  });

  test('When start comes twice, then the second is refused and both secrets work', async () => {
    const next = await succeed(payment, 'start-secret-rotation');

    const refusal = { status: 409, code: 'rotation_conflict' };
    const error = 'A rotation is under way: complete or cancel it first';
    await expectRefused('start-secret-rotation', { ...refusal, error });
    await expectRefused('rotate-client-secret', { ...refusal, error });

    expect(await works(String(next))).toBe(true);
    expect(storedSecrets().nextSecret).toBe(next);
  });

  test('When the token lacks the scope, then each is refused and Stytch is asked nothing', async () => {
    const wrong = await stytch.mint();

    for (const route of ['start', 'complete', 'cancel'].map((operation) => `${operation}-secret-rotation`)) {
      await expectRefused(route, { status: 403, code: 'insufficient_scope' }, wrong);
    }
    await expectRefused('rotate-client-secret', { status: 403, code: 'insufficient_scope' }, wrong);
  });

  test('When there is no such client, then each is refused with Stytch’s own words', async () => {
    payment = await startPayment({ CLIENT_ID: 'm2m-client-test-00000000-0000-0000-0000-000000000000' });

    for (const route of ['start-secret-rotation', 'rotate-client-secret', 'complete-secret-rotation']) {
      await expectRefused(route, { status: 404, code: 'm2m_client_not_found' });
    }
  });

  test('When Stytch is down, then each is refused, and works once it is up', async () => {
    for (const route of ['start', 'complete', 'start', 'cancel'].map((one) => `${one}-secret-rotation`)) {
      await breakStytch({ path: '/v1/m2m/*', kind: 'status', status: 500 });
      const before = (await administer(payment, 'rotation-status', 'GET')).json;

      const answer = await administer(payment, route);

      expect(summary(answer)).toMatchObject({ status: 500, code: 'internal_server_error' });
      expect((await administer(payment, 'rotation-status', 'GET')).json).toEqual(before);
      expect(summary(await pay(payment))).toEqual(paid);
      await stytch.mend();
      await succeed(payment, route);
    }
  });

  test('When the file is gone, then each is refused, nothing changes at Stytch, and payments go on', async () => {
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

describe('a payment-server whose secret is in memory only', () => {
  test('When it rotates, then the answers and the log say that the new secret must be stored', async () => {
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

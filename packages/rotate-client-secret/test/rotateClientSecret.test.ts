import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RotationConflictError, SecretStoreError, StytchUnavailableError } from 'stytch-m2m';
import { type LocalStytch, start } from '../../local-stytch/src/server';
import { KubernetesApiServer } from '../../stytch-m2m/test/kubernetesApi';
import { until } from '../../stytch-m2m/test/loopback';
import { rotateClientSecret } from '../src/rotateClientSecret';

let stytch: LocalStytch;
let api: KubernetesApiServer;
let printed: jest.SpyInstance;

beforeAll(async () => {
  jest.spyOn(console, 'warn').mockImplementation(); // The SDK warns about every base URL but Stytch's.
  printed = jest.spyOn(console, 'log').mockImplementation();
  stytch = await start({ PORT: '0', LOG_LEVEL: 'silent' });
});
afterAll(() => stytch.close());

beforeEach(async () => {
  await fetch(`${stytch.url}/local/reset`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: '{}',
  });
  printed.mockClear();
  api = await KubernetesApiServer.start();
  api.createSecret('payment-client', { 'client-secret': `${seed('CLIENT_SECRET')}\n` });
  api.createSecret('operator-client', { 'client-secret': seed('OPERATOR_CLIENT_SECRET') });
});
afterEach(() => api.stop());

const seed = (name: string) => stytch.seed[name] ?? '';

/** The environment of the job in a cluster. */
function inCluster(change: Record<string, string> = {}) {
  const { hostname, port } = new URL(api.url);
  return {
    STYTCH_PROJECT_ID: seed('STYTCH_PROJECT_ID'),
    STYTCH_SECRET: seed('STYTCH_SECRET'),
    STYTCH_BASE_URL: stytch.url,
    CLIENT_ID: seed('CLIENT_ID'),
    CLIENT_SECRET_NAME: 'payment-client',
    OPERATOR_CLIENT_ID: seed('OPERATOR_CLIENT_ID'),
    OPERATOR_CLIENT_SECRET_NAME: 'operator-client',
    KUBERNETES_SERVICE_HOST: hostname,
    KUBERNETES_SERVICE_PORT: port,
    SERVICE_ACCOUNT_FOLDER: api.credentialsFolder,
    PROPAGATION_SECONDS: '0',
    ...change,
  };
}

function without(name: string, environment: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(environment).filter(([other]) => other !== name));
}

/** Whether Stytch accepts a secret, by default of payment-service. */
async function works(client_secret: string, client = 'CLIENT_ID'): Promise<boolean> {
  const { status } = await fetch(`${stytch.url}/v1/public/${seed('STYTCH_PROJECT_ID')}/oauth2/token`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ grant_type: 'client_credentials', client_id: seed(client), client_secret }),
  });
  return status === 200;
}

const stored = (name = 'payment-client') => api.content(name).split('\n')[0] ?? '';

describe('rotate-client-secret', () => {
  test('When it runs in a cluster, then the Secret has a new secret that works, and the old one has ended', async () => {
    const message = await rotateClientSecret(inCluster(), 'payment-service');

    expect(message).toBe('The client secret of payment-service is rotated.');
    expect(api.content('payment-client')).toMatch(/^\S{44}\nlast-rotated: \S+\n$/);
    expect([await works(stored()), await works(seed('CLIENT_SECRET'))]).toEqual([true, false]);
    expect(stored('operator-client')).toBe(seed('OPERATOR_CLIENT_SECRET'));
    expect(JSON.stringify(printed.mock.calls)).not.toContain(stored());
  });

  test('When it runs for the operator, then only the operator’s secret is rotated', async () => {
    await rotateClientSecret(inCluster(), 'operator');

    expect([
      await works(stored('operator-client'), 'OPERATOR_CLIENT_ID'),
      await works(seed('OPERATOR_CLIENT_SECRET'), 'OPERATOR_CLIENT_ID'),
    ]).toEqual([true, false]);
    expect(stored()).toBe(seed('CLIENT_SECRET'));
  });

  test('When the secret is in a file, then the file is rotated', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rotate-'));
    const file = join(folder, 'client-secret');
    writeFileSync(file, `${seed('CLIENT_SECRET')}\n`);

    await rotateClientSecret(
      without('CLIENT_SECRET_NAME', inCluster({ CLIENT_SECRET_FILE: file })),
      'payment-service',
    );

    const [secret = ''] = readFileSync(file, 'utf8').split('\n');
    expect([await works(secret), await works(seed('CLIENT_SECRET'))]).toEqual([true, false]);
    rmSync(folder, { recursive: true });
  });

  test('When it is stopped while it waits, then both secrets work, and the next run waits only for the rest', async () => {
    const stopping = new AbortController();
    const reason = new Error('stopped');
    const job = inCluster({ PROPAGATION_SECONDS: '6' });
    const stopped = rotateClientSecret(job, 'payment-service', stopping.signal).catch(
      (error: unknown) => error,
    );
    await until(() => api.content('payment-client').includes('next-secret'));
    await until(() => !api.content('payment-client').includes('holder'));
    stopping.abort(reason);
    const outcome = await stopped;
    const [, next = ''] = /next-secret: (\S+)/.exec(api.content('payment-client')) ?? [];
    const between = [await works(seed('CLIENT_SECRET')), await works(next)];
    const startedAt = Date.parse(/rotation-started: (\S+)/.exec(api.content('payment-client'))?.[1] ?? '');
    await until(() => Date.now() >= startedAt + 4_000);

    const nextRunAt = Date.now();
    await rotateClientSecret(job, 'payment-service');
    const endedAt = Date.now();

    expect([outcome, between]).toEqual([reason, [true, true]]);
    expect(stored()).toBe(next);
    expect(await works(seed('CLIENT_SECRET'))).toBe(false);
    expect(endedAt).toBeGreaterThanOrEqual(startedAt + 6_000);
    expect(endedAt).toBeLessThan(nextRunAt + 6_000);
    expect(printed.mock.calls).toEqual([
      ['The next secret is stored. Completing in 6 s, when every server has it.'],
    ]);
  });

  test('When another job works on the rotation, then it waits for that job', async () => {
    const working = `${seed('CLIENT_SECRET')}\nrotation-started: 2026-01-01T12:00:00.000Z\nautomatic: yes\nholder: elsewhere/-/1/a\n`;
    api.createSecret('payment-client', { 'client-secret': working });
    const rotating = rotateClientSecret(inCluster(), 'payment-service');
    await until(() => printed.mock.calls.length > 0);
    api.createSecret('payment-client', { 'client-secret': seed('CLIENT_SECRET') });

    await rotating;

    expect(printed.mock.calls[0]).toEqual([expect.stringContaining('Another job works on the rotation')]);
    expect(await works(stored())).toBe(true);
  });

  test('When it is stopped while another job works, then it ends', async () => {
    const working = `${seed('CLIENT_SECRET')}\nrotation-started: 2026-01-01T12:00:00.000Z\nholder: elsewhere/-/1/a\n`;
    api.createSecret('payment-client', { 'client-secret': working });
    const stopping = new AbortController();
    const rotating = rotateClientSecret(inCluster(), 'payment-service', stopping.signal);
    await until(() => printed.mock.calls.length > 0);

    stopping.abort(new Error('stopped'));

    await expect(rotating).rejects.toThrow('stopped');
  });

  test('When it is stopped while Stytch does not answer, then it ends as stopped, once the call has ended', async () => {
    const stopping = new AbortController();
    const reason = new Error('stopped');
    api.onRequest = (when, method) => {
      if (when === 'after' && method === 'PATCH') stopping.abort(reason);
    };
    const down = inCluster({ STYTCH_BASE_URL: 'http://127.0.0.1:1' });

    await expect(rotateClientSecret(down, 'payment-service', stopping.signal)).rejects.toBe(reason);

    expect(await works(stored())).toBe(true);
  });

  test('When the service account may not patch, then nothing changes at Stytch', async () => {
    api.useToken('a-token', ['get']);

    await expect(rotateClientSecret(inCluster(), 'payment-service')).rejects.toThrow(
      'The service account may not patch the Secret payment-client: its Role must allow it',
    );

    const log = await (await fetch(`${stytch.url}/local/requests`)).text();
    expect(log).not.toContain('/secrets/');
  });

  test('When the stored secret is lost, then it is replaced by a new one that works', async () => {
    api.createSecret('payment-client', { 'client-secret': 'lost' });

    await rotateClientSecret(inCluster(), 'payment-service');

    expect([await works(stored()), await works(seed('CLIENT_SECRET'))]).toEqual([true, false]);
  });

  test('When Stytch is down, then it fails, and the Secret still has a secret that works', async () => {
    const down = inCluster({ STYTCH_BASE_URL: 'http://127.0.0.1:1' });

    await expect(rotateClientSecret(down, 'payment-service')).rejects.toBeInstanceOf(StytchUnavailableError);

    expect(await works(stored())).toBe(true);
  });

  test('When a rotation by hand is in progress, then it is left alone', async () => {
    const credentials = `${seed('STYTCH_PROJECT_ID')}:${seed('STYTCH_SECRET')}`;
    const started = await fetch(`${stytch.url}/v1/m2m/clients/${seed('CLIENT_ID')}/secrets/rotate/start`, {
      method: 'POST',
      headers: { Authorization: `Basic ${Buffer.from(credentials).toString('base64')}` },
    });
    const { m2m_client } = (await started.json()) as { m2m_client: { next_client_secret: string } };
    const lines = [seed('CLIENT_SECRET'), `next-secret: ${m2m_client.next_client_secret}`];
    api.createSecret('payment-client', { 'client-secret': lines.join('\n') });

    await expect(rotateClientSecret(inCluster(), 'payment-service')).rejects.toThrow(
      'A rotation is under way: complete or cancel it first',
    );

    expect(await works(m2m_client.next_client_secret)).toBe(true);
  });

  test('When there is no Secret, then the error says what to create', async () => {
    api.deleteSecret('payment-client');

    const failing = rotateClientSecret(inCluster(), 'payment-service');

    await expect(failing).rejects.toBeInstanceOf(SecretStoreError);
    await expect(failing).rejects.not.toBeInstanceOf(RotationConflictError);
    await expect(failing).rejects.toThrow('There is no Secret payment-client in the namespace stytch-m2m');
  });
});

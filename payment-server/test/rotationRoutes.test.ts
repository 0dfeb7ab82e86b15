import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ConfigError, type RunningServer } from 'service-kit';
import { SecretStoreReadOnlyError } from 'stytch-m2m';
import request from 'supertest';
import { type LocalStytch, start as startStytch } from '../../packages/local-stytch/src/server';
import { readPaymentConfig } from '../src/config';
import { createStytch } from '../src/helper/stytch';
import { start } from '../src/server';

let stytch: LocalStytch;
let folder: string;
let path: string;
let server: RunningServer | undefined;
let operator: string;

beforeAll(async () => {
  jest.spyOn(console, 'warn').mockImplementation(); // The SDK warns about every base URL but Stytch's.
  stytch = await startStytch({ PORT: '0', LOG_LEVEL: 'silent' });
});
afterAll(() => stytch.close());

beforeEach(async () => {
  await callAdminApi('reset', {});
  folder = mkdtempSync(join(tmpdir(), 'rotation-routes-'));
  path = join(folder, 'client-secret');
  writeFileSync(path, `${stytch.seed.CLIENT_SECRET}\n`);
  const claims = { scope: 'manage:m2m_clients' };
  operator = ((await callAdminApi('tokens', { claims })) as { access_token: string }).access_token;
});
afterEach(async () => {
  await server?.close();
  server = undefined;
  rmSync(folder, { recursive: true });
});

async function callAdminApi(name: string, body: object): Promise<unknown> {
  const { body: answer } = (await request(stytch.url).post(`/local/${name}`).send(body).expect(200)) as {
    body: unknown;
  };
  return answer;
}

/** Starts the real payment-server with its secret in the file or in memory. */
async function startServer(where: 'file' | 'memory', environment: Record<string, string> = {}) {
  const { CLIENT_SECRET, ...seed } = stytch.seed;
  const secret = where === 'file' ? { CLIENT_SECRET_FILE: path } : { CLIENT_SECRET: CLIENT_SECRET! };
  server = await start({ ...seed, ...secret, PORT: '0', LOG_LEVEL: 'silent', ...environment });
  return server;
}

function ask(method: 'get' | 'post' | 'head', route: string) {
  return request(server!.url)[method](`/${route}`).set('Authorization', `Bearer ${operator}`);
}

const message = 'Secret rotation completed successfully';
const warning =
  'The new secret is kept in memory only: store it in CLIENT_SECRET before this server is restarted';

describe('POST /rotate-client-secret', () => {
  test('When the secret is in a file, then it is rotated there and the answer does not contain it', async () => {
    await startServer('file');

    const answer = await ask('post', 'rotate-client-secret').expect(200);

    expect(answer.body).toEqual({ message });
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(readFileSync(path, 'utf8')).not.toContain(stytch.seed.CLIENT_SECRET);
  });

  test('When the secret is in memory only, then the answer contains it and a warning to store it', async () => {
    await startServer('memory');

    const { body, headers } = await ask('post', 'rotate-client-secret').expect(200);

    expect(body).toEqual({ message, warning, client_secret: expect.stringMatching(/^\S{44}$/) as string });
    expect(headers['cache-control']).toBe('no-store');
  });

  test('When the method is not POST, then nothing is rotated', async () => {
    await startServer('file');
    const before = readFileSync(path, 'utf8');

    await ask('get', 'rotate-client-secret').expect(405).expect('Allow', 'POST');
    await ask('head', 'rotate-client-secret').expect(405);

    expect(readFileSync(path, 'utf8')).toBe(before);
  });

  test('When there is no token, then the request is refused and the file does not change', async () => {
    await startServer('file');
    const before = readFileSync(path, 'utf8');

    await request(server!.url).post('/rotate-client-secret').expect(401);

    expect(readFileSync(path, 'utf8')).toBe(before);
  });

  test('When the file cannot be written, then the answer is 500 with the reason but without the path', async () => {
    await startServer('file');
    rmSync(path);

    const { body } = (await ask('post', 'rotate-client-secret').expect(500)) as { body: { error: string } };

    expect(body).toMatchObject({ code: 'secret_store_failed' });
    expect(body.error).toMatch(/^The file of the client secret cannot be (read|written) \(ENOENT\)/);
    expect(JSON.stringify(body)).not.toContain(folder);
    writeFileSync(path, stytch.seed.CLIENT_SECRET!);
  });
});

describe('the rotation in steps', () => {
  test('When the secret is in a file, then the status shows the rotation and completion gives no warning', async () => {
    await startServer('file');
    const before = await ask('get', 'rotation-status').expect(200);
    const { body: next } = (await ask('post', 'start-secret-rotation').expect(200)) as { body: string };
    const started = await ask('get', 'rotation-status').expect(200);
    const completed = await ask('post', 'complete-secret-rotation').expect(200);
    const after = await ask('get', 'rotation-status').expect(200);

    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string;
    expect(before.body).toEqual({ status: 'none', last_rotated_at: time });
    expect(started.body).toEqual({
      status: 'started',
      started_at: time,
      client_secret_last_four: stytch.seed.CLIENT_SECRET!.slice(-4),
      next_client_secret_last_four: next.slice(-4),
      last_rotated_at: time,
    });
    expect(completed.body).toEqual({ message });
    expect(after.body).toEqual({ status: 'none', last_rotated_at: time });
    expect(readFileSync(path, 'utf8').split('\n')[0]).toBe(next);
  });

  test('When the secret is in memory only, then completion gives a warning and the status has no last rotation', async () => {
    await startServer('memory');

    const before = await ask('get', 'rotation-status').expect(200);
    await ask('post', 'start-secret-rotation').expect(200);
    const completed = await ask('post', 'complete-secret-rotation').expect(200);

    expect(before.body).toEqual({ status: 'none' });
    expect(completed.body).toEqual({ message, warning });
  });

  test('When a rotation is started twice, then the second start is a conflict', async () => {
    await startServer('file');
    await ask('post', 'start-secret-rotation').expect(200);

    const { body } = (await ask('get', 'start-secret-rotation').expect(409)) as { body: unknown };

    expect(body).toMatchObject({
      code: 'rotation_conflict',
      error: 'A rotation is under way: complete or cancel it first',
    });
  });
});

const metricsOf = async () => (await request(server!.url).get('/metrics').expect(200)).text;

describe('a server that only follows the secret', () => {
  const readOnly = { CLIENT_SECRET_READ_ONLY: 'true' };

  test.each([
    'start-secret-rotation',
    'complete-secret-rotation',
    'cancel-secret-rotation',
    'rotate-client-secret',
  ])('When %s is requested, then it names the job, and Stytch and the file do not change', async (route) => {
    await startServer('file', readOnly);
    const before = readFileSync(path, 'utf8');

    const { body } = (await ask('post', route).expect(409)) as { body: unknown };

    expect(body).toMatchObject({
      code: 'secret_read_only',
      error: expect.stringContaining('the job rotate-client-secret rotates it') as string,
    });
    expect(readFileSync(path, 'utf8')).toBe(before);
    const { body: log } = (await request(stytch.url).get('/local/requests')) as {
      body: { requests: { path: string }[] };
    };
    expect(log.requests.filter((one) => one.path.includes('/secrets/'))).toEqual([]);
  });

  test('When another program is in the middle of a rotation, then the server neither continues nor reports it', async () => {
    const rotating = 'next-secret: second-bbbb\nrotation-started: 2026-01-01T12:00:00.000Z\nautomatic: yes\n';
    writeFileSync(path, `${stytch.seed.CLIENT_SECRET}\n${rotating}`);
    const { STYTCH_PROJECT_ID = '', STYTCH_SECRET = '', STYTCH_BASE_URL = '', CLIENT_ID = '' } = stytch.seed;
    const seed = { STYTCH_PROJECT_ID, STYTCH_SECRET, STYTCH_BASE_URL, CLIENT_ID };
    const config = readPaymentConfig({ ...seed, CLIENT_SECRET_FILE: path, ...readOnly });
    const events = { onAccessToken: jest.fn(), onRotation: jest.fn(), onSecretError: jest.fn() };
    const following = await createStytch(config, events);

    following.start();
    await expect(following.rotation.recover()).rejects.toBeInstanceOf(SecretStoreReadOnlyError);
    await nextTurn();
    following.stop();

    expect(events.onSecretError).not.toHaveBeenCalled();
    expect(await following.rotation.status()).toMatchObject({
      status: 'started',
      nextSecretLastFour: 'bbbb',
    });
  });
});

describe('the metrics of rotation', () => {
  const figure = (text: string, name: string) =>
    new RegExp(`^${name.replace(/[{}]/g, '\\$&')} (\\S+)$`, 'm').exec(text)?.[1];

  test('When the secret is in a file, then the metrics have its age and count each outcome', async () => {
    writeFileSync(path, `${stytch.seed.CLIENT_SECRET}\nlast-rotated: 2026-01-01T12:00:00.000Z\n`);
    await startServer('file');

    const before = await metricsOf();
    await ask('post', 'rotate-client-secret').expect(200);
    const after = await metricsOf();
    rmSync(path);
    await ask('post', 'rotate-client-secret').expect(500);
    const unreadable = await metricsOf(); // The metrics have the last known values: they read no file.

    const rotatedAt = Date.parse('2026-01-01T12:00:00.000Z') / 1_000;
    expect(figure(before, 'client_secret_last_rotation_timestamp_seconds')).toBe(String(rotatedAt));
    expect(Number(figure(before, 'client_secret_age_seconds'))).toBeGreaterThan(1_000_000);
    expect(Number(figure(after, 'client_secret_age_seconds'))).toBeLessThan(60);
    expect(figure(after, 'secret_rotations_total{result="started"}')).toBe('1');
    expect(figure(after, 'secret_rotations_total{result="completed"}')).toBe('1');
    expect(figure(unreadable, 'secret_rotations_total{result="failed"}')).toBe('1');
    expect(Number(figure(unreadable, 'client_secret_age_seconds'))).toBeLessThan(60);
    writeFileSync(path, stytch.seed.CLIENT_SECRET!);
  });

  test('When the age of the secret is unknown, then the metrics have no age', async () => {
    await startServer('memory');

    expect(figure(await metricsOf(), 'client_secret_age_seconds')).toBeUndefined();
    expect(figure(await metricsOf(), 'client_secret_last_rotation_timestamp_seconds')).toBeUndefined();
  });
});

describe('a volume that hangs', () => {
  test('When reading the secret hangs, then the metrics and other files can still be read', async () => {
    await startServer('file');
    rmSync(path);
    execFileSync('mkfifo', [path]); // Opening it for reading waits for a writer.
    const hanging = Array.from({ length: 8 }, () =>
      ask('get', 'rotation-status').then(({ status }) => status),
    );

    const scrapes = await Promise.all(Array.from({ length: 8 }, () => metricsOf()));
    const others = await Promise.all(Array.from({ length: 8 }, () => readFile(__filename, 'utf8')));
    closeSync(openSync(path, 'r+'));

    expect(scrapes).toHaveLength(8);
    expect(others).toHaveLength(8);
    // A read that started before the volume hung still succeeds.
    for (const status of await Promise.all(hanging)) expect([200, 500]).toContain(status);
  });
});

describe('the start of the server', () => {
  test.each([
    ['is missing', undefined, /CLIENT_SECRET_FILE: .*cannot be read \(ENOENT\)/],
    ['is empty', '', /CLIENT_SECRET_FILE: .*has no secret: put it on the first line/],
    ['has no valid secret', 'a b', /CLIENT_SECRET_FILE: .*has no secret/],
  ])('When the file %s, then the server does not start and says why', async (_case, content, message) => {
    rmSync(path);
    if (content !== undefined) writeFileSync(path, content);

    const starting = startServer('file');

    await expect(starting).rejects.toBeInstanceOf(ConfigError);
    await expect(starting).rejects.toThrow(message);
  });

  test('When the secret is older than the interval, then the server rotates it', async () => {
    writeFileSync(path, `${stytch.seed.CLIENT_SECRET}\nlast-rotated: 2026-01-01T12:00:00.000Z\n`);

    await startServer('file', { SECRET_ROTATION_INTERVAL: '1d' });

    while (readFileSync(path, 'utf8').includes('2026-01-01')) await new Promise(setImmediate);
    const { body } = (await ask('get', 'rotation-status').expect(200)) as {
      body: { last_rotated_at?: string };
    };
    expect(Date.parse(body.last_rotated_at ?? '')).toBeGreaterThan(Date.now() - 60_000);
    expect(readFileSync(path, 'utf8')).not.toContain(stytch.seed.CLIENT_SECRET);
  });
});

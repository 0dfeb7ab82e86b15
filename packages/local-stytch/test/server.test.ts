import { ConfigError } from 'service-kit';
import { RequestLog } from '../src/requestLog';
import { announce, type LocalStytch, start } from '../src/server';
import { rejection } from './localStytch';

const quiet = { PORT: '0', LOG_LEVEL: 'silent' };
const running: LocalStytch[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close()));
});

async function started(environment: Record<string, string> = {}, host?: string): Promise<LocalStytch> {
  const server = await start({ ...quiet, ...environment }, host);
  running.push(server);
  return server;
}

async function tokenStatus(
  { url, seed }: LocalStytch,
  client: 'CLIENT' | 'OPERATOR_CLIENT',
): Promise<number> {
  const response = await fetch(`${url}/v1/public/${seed.STYTCH_PROJECT_ID}/oauth2/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: seed[`${client}_ID`]!,
      client_secret: seed[`${client}_SECRET`]!,
    }),
  });
  return response.status;
}

describe('start', () => {
  test('listens on a free port with PORT=0, with credentials that work', async () => {
    const server = await started();

    expect(server.port).toBeGreaterThan(0);
    expect(server.url).toBe(`http://localhost:${server.port}`);
    expect(server.seed).toEqual({
      STYTCH_PROJECT_ID: expect.stringMatching(/^project-test-[\da-f-]{36}$/),
      STYTCH_SECRET: expect.stringMatching(/^secret-test-[\w-]{44}$/),
      STYTCH_BASE_URL: server.url,
      CLIENT_ID: expect.stringMatching(/^m2m-client-test-[\da-f-]{36}$/),
      CLIENT_SECRET: expect.stringMatching(/^[\w-]{44}$/),
      OPERATOR_CLIENT_ID: expect.stringMatching(/^m2m-client-test-[\da-f-]{36}$/),
      OPERATOR_CLIENT_SECRET: expect.stringMatching(/^[\w-]{44}$/),
    });
    expect(server.missing).toEqual(server.seed);
    expect(await tokenStatus(server, 'CLIENT')).toBe(200);
    expect(await tokenStatus(server, 'OPERATOR_CLIENT')).toBe(200);
  });

  test('takes the credentials from the environment, so that a restart changes nothing', async () => {
    const first = await started();
    await first.close();

    const second = await started({ ...first.seed });

    expect(second.seed).toEqual({ ...first.seed, STYTCH_BASE_URL: second.url });
    expect(Object.keys(second.missing)).toEqual(['STYTCH_BASE_URL']);
    expect(await tokenStatus(second, 'CLIENT')).toBe(200);
  });

  test('listens on loopback whatever HOST says', async () => {
    const { url, port } = await started({ HOST: '0.0.0.0' });

    expect((await fetch(`${url}/local/health`)).status).toBe(200);
    await expect(fetch(`http://127.0.0.2:${port}/local/health`)).rejects.toThrow('fetch failed');
  });

  const adminStatus = async ({ port }: LocalStytch, token = '') => {
    const headers = { Authorization: `Bearer ${token}` };
    return (await fetch(`http://127.0.0.2:${port}/local/requests`, { headers })).status;
  };

  test('listens on other addresses only by its host argument, and then requires a random token for the admin API', async () => {
    const [server, another] = [await started({}, '0.0.0.0'), await started({}, '0.0.0.0')];
    const token = server.seed.LOCAL_STYTCH_ADMIN_TOKEN;

    expect(server.url).toBe(`http://0.0.0.0:${server.port}`);
    expect(server.seed.STYTCH_BASE_URL).toBe(`http://localhost:${server.port}`);
    expect(token).toMatch(/^[\w-]{44}$/);
    expect(server.missing.LOCAL_STYTCH_ADMIN_TOKEN).toBe(token);
    expect(another.seed.LOCAL_STYTCH_ADMIN_TOKEN).not.toBe(token);
    expect([await adminStatus(server), await adminStatus(server, token)]).toEqual([401, 200]);
    expect(await adminStatus(another, token)).toBe(401);
  });

  test('keeps STYTCH_BASE_URL of the environment when it is exposed: a container has another name', async () => {
    const address = { STYTCH_BASE_URL: 'http://local-stytch:5005' };

    expect((await started(address, '0.0.0.0')).missing).not.toHaveProperty('STYTCH_BASE_URL');
    const local = await started(address);
    expect(local.missing.STYTCH_BASE_URL).toBe(local.url);
  });

  test('takes the token of the admin API from the environment and does not print it', async () => {
    const token = 'a-token-of-the-environment';
    const server = await started({ LOCAL_STYTCH_ADMIN_TOKEN: token }, '0.0.0.0');

    expect(server.missing).not.toHaveProperty('LOCAL_STYTCH_ADMIN_TOKEN');
    expect([await adminStatus(server), await adminStatus(server, token)]).toEqual([401, 200]);
  });

  test('requires no token for the admin API on loopback', async () => {
    const server = await started({ LOCAL_STYTCH_ADMIN_TOKEN: 'a-token-of-the-environment' });

    expect(server.seed).not.toHaveProperty('LOCAL_STYTCH_ADMIN_TOKEN');
    expect((await fetch(`${server.url}/local/requests`)).status).toBe(200);
  });

  test.each(['short', 'x'.repeat(15), 'a token with blanks in it', 'a-"quoted"-admin-token'])(
    'refuses %j as a token for the admin API',
    async (token) => {
      const error = await rejection(start({ ...quiet, LOCAL_STYTCH_ADMIN_TOKEN: token }, '0.0.0.0'));

      expect(error.message).toMatch(/LOCAL_STYTCH_ADMIN_TOKEN: must be 16 or more/);
      expect(error.message).not.toContain(token);
    },
  );

  test.each([undefined, '0.0.0.0'])('is refused with NODE_ENV=production, at the host %s', async (host) => {
    const error = await rejection(start({ ...quiet, NODE_ENV: 'production' }, host));

    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toMatch(/NODE_ENV: is production/);
  });

  test('names every wrong variable', async () => {
    const error = await rejection(
      start({ PORT: 'five', STYTCH_PROJECT_ID: 'project-live-1', CLIENT_SECRET: 'é', NODE_ENV: 'test' }),
    );

    expect(error.message).toMatch(
      /PORT: .*\n.*STYTCH_PROJECT_ID: must begin with project-test-.*\n.*CLIENT_SECRET: /,
    );
  });

  test('refuses the same id for both clients', async () => {
    const error = await rejection(start({ ...quiet, CLIENT_ID: 'same', OPERATOR_CLIENT_ID: 'same' }));

    expect(error.message).toMatch(/OPERATOR_CLIENT_ID: must not be the same as CLIENT_ID/);
  });

  test('names the port that is in use', async () => {
    const { port } = await started();

    const error = await rejection(start({ ...quiet, PORT: String(port) }));

    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toContain(`port ${port}`);
  });

  test('stops while requests hang', async () => {
    const server = await started();
    await fetch(`${server.url}/local/faults`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ kind: 'hang', path: '*' }),
    });
    const hanging = rejection(fetch(`${server.url}/v1/nothing`));
    let total = 0;
    while (total === 0) {
      const log = await fetch(`${server.url}/local/requests`);
      ({ total } = ((await log.json()) as { counts: { total: number } }).counts);
    }

    await server.close();

    expect(await hanging).toMatchObject({ message: 'fetch failed' });
    await expect(fetch(server.url)).rejects.toThrow('fetch failed');
  });

  test('goes on after an unexpected error', async () => {
    const server = await started();
    jest.spyOn(RequestLog.prototype, 'describe').mockImplementationOnce(() => {
      throw new Error('a bug');
    });

    const failed = await fetch(`${server.url}/local/requests`);
    const next = await fetch(`${server.url}/local/requests`);

    expect([failed.status, next.status]).toEqual([500, 200]);
  });
});

describe('announce', () => {
  const server = {
    url: 'http://localhost:5005',
    seed: { CLIENT_ID: 'a', CLIENT_SECRET: 'b', STYTCH_BASE_URL: 'http://localhost:5005' },
    missing: { CLIENT_SECRET: 'b', STYTCH_BASE_URL: 'http://localhost:5005' },
  };
  function printed(missing: Record<string, string>, seed = server.seed): string {
    const write = jest.fn();
    announce({ ...server, seed, missing }, { stdout: { write } as unknown as typeof process.stdout });
    return write.mock.calls.map(([text]) => String(text)).join('');
  }

  test('sends all variables to a parent process and prints nothing', () => {
    const send = jest.fn();
    const write = jest.fn();

    announce(server, { send, stdout: { write } as unknown as typeof process.stdout });

    expect(send).toHaveBeenCalledWith({ seed: server.seed });
    expect(write).not.toHaveBeenCalled();
  });

  test('prints the missing variables as lines for .env', () => {
    const text = printed(server.missing);

    expect(text).toMatch(/put these lines into \.env/);
    expect(text.split('\n').filter((line) => line.includes('='))).toEqual([
      'CLIENT_SECRET=b',
      'STYTCH_BASE_URL=http://localhost:5005',
    ]);
  });

  test('prints one sentence when no variable is missing', () => {
    expect(printed({})).toBe('The environment already points at this emulator, http://localhost:5005.\n');
  });

  test('says what the admin API requires when it is exposed, and prints a new token once', () => {
    const requirement = /admin API, \/local, requires "Authorization: Bearer \$LOCAL_STYTCH_ADMIN_TOKEN"/;
    const admin = { LOCAL_STYTCH_ADMIN_TOKEN: 'the-admin-token-1' };
    const seed = { ...server.seed, ...admin };

    expect(printed(admin, seed)).toMatch(requirement);
    expect(printed(admin, seed).match(/the-admin-token-1/g)).toHaveLength(1);
    expect(printed({}, seed)).toMatch(requirement);
    expect(printed({}, seed)).not.toContain('the-admin-token-1');
    expect(printed(server.missing)).not.toMatch(/admin API/);
  });
});

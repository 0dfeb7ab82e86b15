import request from 'supertest';
import { isLocalHost, readHost } from '../src/config';
import { startLocalStytch, type TestStytch } from './localStytch';

describe('the address to listen on', () => {
  test.each([
    [[], '127.0.0.1'],
    [['--host', '0.0.0.0'], '0.0.0.0'],
    [['--host=::'], '::'],
  ])('of the command line %j is %s', (commandLine, host) => {
    expect(readHost(commandLine)).toBe(host);
  });

  test.each([['--host'], ['--host='], ['--host', ' '], ['--port', '1'], ['0.0.0.0']].map((line) => [line]))(
    'of the command line %j is an error that shows the usage',
    (commandLine) => {
      expect(() => readHost(commandLine)).toThrow(/takes one argument, --host with an address/);
    },
  );

  test.each(['127.0.0.1', '127.0.0.2', 'localhost', '::1'])('only this machine can call %s', (host) => {
    expect(isLocalHost(host)).toBe(true);
  });

  test.each(['0.0.0.0', '::', '10.0.0.1', 'local-stytch', '127.0.0.1.example'])(
    'other machines can call %s',
    (host) => {
      expect(isLocalHost(host)).toBe(false);
    },
  );
});

describe('when other machines can call', () => {
  const adminToken = 'an-admin-token_of.this~test+/==';
  let stytch: TestStytch;
  beforeAll(async () => {
    stytch = await startLocalStytch(adminToken);
  });
  afterAll(() => stytch.close());

  const authorization = `Bearer ${adminToken}`;

  test.each([
    ['GET', '/local/requests'],
    ['DELETE', '/local/requests'],
    ['POST', '/local/reset'],
    ['POST', '/local/faults'],
    ['POST', '/local/signing-keys/rotate'],
    ['POST', '/local/signing-keys/retire'],
    ['POST', '/local/tokens'],
    ['POST', '/local/clock'],
    ['POST', '/local/token-lifetime'],
    ['GET', '/local/tokens'],
    ['POST', '/local/tokens/explain'],
    ['GET', '/local/clients'],
    ['POST', '/local/clients'],
    ['DELETE', '/local/clients/x'],
    ['GET', '/local/console'],
    ['GET', '/local/events'],
    ['POST', '/local/calls'],
    ['GET', '/local/requests/1'],
    ['GET', '/local/nothing'],
    ['GET', '/local//requests'],
  ])('%s %s is refused without the token', async (method, path) => {
    const response = await fetch(stytch.url + path, { method });

    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="local-stytch admin API"');
    expect(await response.json()).toMatchObject({ error_type: 'unauthorized' });
  });

  test.each([
    '',
    'Bearer',
    'Bearer ',
    `Bearer ${adminToken}=`,
    `Bearer ${adminToken.slice(1)}`,
    `Bearer ${adminToken} ${adminToken}`,
    `Basic ${adminToken}`,
    adminToken,
  ])('the Authorization header %j is refused', async (header) => {
    const { status } = await fetch(`${stytch.url}/local/requests`, { headers: { Authorization: header } });

    expect(status).toBe(401);
  });

  test('the token is accepted', async () => {
    const headers = { Authorization: authorization };

    expect((await fetch(`${stytch.url}/local/requests`, { headers })).status).toBe(200);
    expect((await fetch(`${stytch.url}/local/tokens`, { headers, method: 'POST' })).status).toBe(200);
    expect((await fetch(`${stytch.url}/local/nothing`, { headers })).status).toBe(404);
  });

  test("health, the JWKS and a client's token need no admin token", async () => {
    const { clientId, clientSecret, projectId } = stytch.seed;
    const token = await stytch.token({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
    });

    expect((await fetch(`${stytch.url}/local/health`)).status).toBe(200);
    expect((await fetch(`${stytch.url}/v1/sessions/jwks/${projectId}`)).status).toBe(200);
    expect(token.status).toBe(200);
  });

  test('the admin token is no credential of the project', async () => {
    const call = fetch(`${stytch.url}/v1/m2m/clients/x`, { headers: { Authorization: authorization } });

    expect((await call).status).toBe(401);
  });

  test.each([
    'local-stytch:5005',
    'LOCAL-STYTCH',
    '172.18.0.2:5005',
    '[fd00::1]',
    'host.docker.internal',
    'localhost',
  ])('the host %s is accepted, because no web page can have it', async (host) => {
    expect((await request(stytch.url).get('/local/health').set('Host', host)).status).toBe(200);
  });

  test.each(['evil.example', 'local-stytch.evil.example', '127.0.0.1.evil.example', ''])(
    'the host %j is refused',
    async (host) => {
      expect((await request(stytch.url).get('/local/health').set('Host', host)).status).toBe(403);
    },
  );

  test.each(['https://evil.example', 'null', 'http://local-stytch:5005', 'http://172.18.0.2'])(
    'a page from %s is refused, even with the token',
    async (origin) => {
      const headers = { Origin: origin, Authorization: authorization };

      expect((await fetch(`${stytch.url}/local/reset`, { method: 'POST', headers })).status).toBe(403);
    },
  );

  test.each(['local-stytch:5005', '172.18.0.2:5005'])(
    "the console's own page at %s may call, with the token",
    async (host) => {
      const call = request(stytch.url).post('/local/reset');
      const own = { Host: host, Origin: `http://${host}`, Authorization: authorization };

      expect((await call.set(own)).status).toBe(200);
    },
  );

  describe('the session of a page', () => {
    const open = (body: object) =>
      fetch(`${stytch.url}/local/session`, {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { 'Content-Type': 'application/json' },
      });
    const status = async (cookie: string) =>
      (await fetch(`${stytch.url}/local/requests`, { headers: { Cookie: cookie } })).status;

    test('is a cookie that stands for the token, and does not contain it', async () => {
      const response = await open({ token: adminToken });

      expect(response.status).toBe(200);
      const setCookie = response.headers.get('set-cookie') ?? '';
      expect(setCookie).toMatch(/^local-stytch-session=[\w-]{44}; HttpOnly; SameSite=Strict; Path=\/local$/);
      expect(setCookie).not.toContain(adminToken);
      const [cookie = ''] = setCookie.split(';');
      expect(await status(cookie)).toBe(200);
      expect(await status(`other=1; ${cookie}; more=2`)).toBe(200);
      expect(await status(cookie.slice(0, -1))).toBe(401);
      expect(await status(`x${cookie}`)).toBe(401);
      expect(await status(`local-stytch-session=${adminToken}`)).toBe(401);
    });

    test.each([{}, { token: '' }, { token: 'wrong' }])('is not opened by %j', async (body) => {
      const response = await open(body);

      expect(response.status).toBe(401);
      expect(response.headers.get('set-cookie')).toBeNull();
    });

    test('of one emulator is worthless to another', async () => {
      const other = await startLocalStytch(adminToken);
      const [cookie = ''] = ((await open({ token: adminToken })).headers.get('set-cookie') ?? '').split(';');

      const answer = await fetch(`${other.url}/local/requests`, { headers: { Cookie: cookie } });

      await other.close();
      expect(answer.status).toBe(401);
    });
  });

  test('a page without a session gets 401, so that it can ask for the token', async () => {
    expect((await fetch(`${stytch.url}/local/console`)).status).toBe(401);
    expect((await fetch(stytch.url)).status).not.toBe(401);
  });
});

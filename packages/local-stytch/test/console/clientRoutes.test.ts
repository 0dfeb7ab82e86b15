import { expectRefusal, type Json, startLocalStytch, type TestStytch } from '../localStytch';

let stytch: TestStytch;
beforeAll(async () => {
  stytch = await startLocalStytch();
});
beforeEach(() => stytch.admin('POST', '/reset'));
afterAll(() => stytch.close());

const call = (method: string, path: string, body: unknown = {}) =>
  fetch(`${stytch.url}/local/clients${path}`, {
    method,
    body: JSON.stringify(body),
    headers: { 'Content-Type': 'application/json' },
  });
const list = async (): Promise<Record<string, unknown>[]> =>
  (await stytch.admin('GET', '/clients')).m2m_clients as Record<string, unknown>[];
const tokenStatus = async (id: string, secret: string) =>
  (await stytch.token({ grant_type: 'client_credentials', client_id: id, client_secret: secret })).status;

describe('The clients of the admin API', () => {
  test('When they are listed, then there are all of them, without secrets', async () => {
    const clients = await list();

    expect(clients).toMatchObject([
      { client_name: 'payment-service', client_secret_last_four: stytch.seed.clientSecret.slice(-4) },
      { client_name: 'operator', next_client_secret_last_four: null },
    ]);
    expect(JSON.stringify(clients)).not.toContain(stytch.seed.clientSecret);
  });

  test('When one is created, then the answer has its secret, and the list has not', async () => {
    const name = '<script>alert(1)</script>';
    const body = { client_name: name, scopes: ['a:b'], trusted_metadata: { tenant: '<b>' } };

    const { m2m_client } = await stytch.admin('POST', '/clients', body);

    expect(m2m_client).toMatchObject({
      client_name: name,
      client_secret: expect.stringMatching(/^[\w-]{44}$/),
    });
    expect(await tokenStatus(m2m_client.client_id as string, m2m_client.client_secret as string)).toBe(200);
    const { client_secret, ...listed } = m2m_client as Record<string, unknown>;
    expect(client_secret).toBeDefined();
    expect((await list()).at(-1)).toEqual(listed);
  });

  test('When one is deactivated and deleted, then it gets no token, and is gone', async () => {
    const { clientId, clientSecret } = stytch.seed;

    const { m2m_client } = await stytch.admin('PUT', `/clients/${clientId}`, { status: 'inactive' });

    expect(m2m_client).toMatchObject({ status: 'inactive', client_name: 'payment-service' });
    expect(await tokenStatus(clientId, clientSecret)).toBe(400);
    expect(await stytch.admin('DELETE', `/clients/${clientId}`)).toMatchObject({ client_id: clientId });
    expect(await list()).toHaveLength(1);
    await expectRefusal(await call('DELETE', `/${clientId}`), 404, 'm2m_client_not_found');
  });

  test('When a secret is rotated, then both work until it is completed', async () => {
    const { clientId, clientSecret } = stytch.seed;
    const step = async (name: string) => {
      const { m2m_client } = await stytch.admin('POST', `/clients/${clientId}/secrets/rotate${name}`);
      return m2m_client as Record<string, string | null>;
    };

    const next = (await step('/start')).next_client_secret ?? '';

    expect((await list())[0]).toMatchObject({ next_client_secret_last_four: next.slice(-4) });
    expect([await tokenStatus(clientId, clientSecret), await tokenStatus(clientId, next)]).toEqual([
      200, 200,
    ]);
    await expectRefusal(
      await call('POST', `/${clientId}/secrets/rotate/start`),
      400,
      'm2m_client_already_rotating_secret',
    );
    await step('');
    expect([await tokenStatus(clientId, clientSecret), await tokenStatus(clientId, next)]).toEqual([
      400, 200,
    ]);
    await step('/start');
    expect(await step('/cancel')).toMatchObject({ next_client_secret_last_four: null });
  });

  test.each<[string, string, Json, string]>([
    ['POST', '', {}, 'invalid_m2m_client_scope'],
    ['POST', '', { scopes: [], client_secret: 'aaaaaaaaa' }, 'insecure_m2m_client_secret'],
    ['POST', '', { scopes: [], scope: 'x' }, 'invalid_admin_request'],
    ['POST', '', [], 'invalid_admin_request'],
    ['PUT', '/x', { name: 'x' }, 'invalid_admin_request'],
    ['POST', '/x/secrets/rotate', { now: true }, 'invalid_admin_request'],
  ])('When %s %s gets %j, then it is refused with %s', async (method, path, body, errorType) => {
    await expectRefusal(await call(method, path, body), 400, errorType);
  });

  test('When it is called, then that is no request to Stytch', async () => {
    await list();

    expect((await stytch.admin('GET', '/requests')).requests).toEqual([]);
  });
});

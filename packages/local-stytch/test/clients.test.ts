import type { Client } from 'stytch';
import { expectRefusal, expectStytchError, startLocalStytch, type TestStytch, basic } from './localStytch';

let stytch: TestStytch;
let sdk: Client;
beforeAll(async () => {
  stytch = await startLocalStytch();
  sdk = stytch.sdk();
});
beforeEach(() => stytch.admin('POST', '/reset'));
afterAll(() => stytch.close());

describe('creating a client', () => {
  test('makes an id and a secret, and shows the secret once', async () => {
    const created = await sdk.m2m.clients.create({ scopes: ['read:users'] });
    const got = await sdk.m2m.clients.get({ client_id: created.m2m_client.client_id });

    const { client_secret, ...shown } = created.m2m_client;
    expect(client_secret).toMatch(/^[\w-]{44}$/);
    expect(shown).toEqual({
      client_id: expect.stringMatching(/^m2m-client-test-[\da-f-]{36}$/),
      client_name: '',
      client_description: '',
      status: 'active',
      scopes: ['read:users'],
      client_secret_last_four: client_secret.slice(-4),
      next_client_secret_last_four: null,
      trusted_metadata: {},
    });
    expect(got.m2m_client).toEqual(shown);
    expect(got.status_code).toBe(200);
    expect(got.request_id).toMatch(/^request-id-test-/);
  });

  test('takes all fields', async () => {
    const given = {
      client_id: 'imported client/1',
      client_secret: 'x7#Kq2!v',
      client_name: 'imported',
      client_description: 'from elsewhere',
      scopes: ['read:users', 'write:users', 'read:users'],
      trusted_metadata: { team: 'payments', tiers: [1, 2] },
    };

    await sdk.m2m.clients.create(given);

    const { m2m_client } = await sdk.m2m.clients.get({ client_id: 'imported client/1' });
    expect(m2m_client).toMatchObject({
      client_id: 'imported client/1',
      client_name: 'imported',
      client_description: 'from elsewhere',
      scopes: ['read:users', 'write:users'],
      client_secret_last_four: 'q2!v',
      trusted_metadata: { team: 'payments', tiers: [1, 2] },
    });
    const token = await sdk.m2m.token({ client_id: 'imported client/1', client_secret: 'x7#Kq2!v' });
    expect(token.token_type).toBe('bearer');
  });

  test('is refused when the id is taken, also for one of two calls at the same time', async () => {
    const create = () => sdk.m2m.clients.create({ client_id: 'twin', scopes: [] });

    const outcomes = await Promise.allSettled([create(), create()]);

    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    await expectStytchError(create(), 400, 'duplicate_m2m_client_id');
  });

  test.each([
    ['no scopes', { scopes: undefined }, 'invalid_m2m_client_scope'],
    ['scopes that are no list', { scopes: 'read:users' }, 'invalid_m2m_client_scope'],
    ['a scope with a space', { scopes: ['read users'] }, 'invalid_m2m_client_scope'],
    ['an empty scope', { scopes: [''] }, 'invalid_m2m_client_scope'],
    ['a scope that is no string', { scopes: [1] }, 'invalid_m2m_client_scope'],
    ['101 scopes', { scopes: Array.from({ length: 101 }, (_, i) => `s${i}`) }, 'too_many_m2m_client_scopes'],
    ['a numeric id', { client_id: 7 }, 'm2m_client_invalid_client_id'],
    ['an empty id', { client_id: '' }, 'm2m_client_invalid_client_id'],
    ['the id ..', { client_id: '..' }, 'm2m_client_invalid_client_id'],
    ['the id .', { client_id: '.' }, 'm2m_client_invalid_client_id'],
    ['an id of 129 characters', { client_id: 'x'.repeat(129) }, 'm2m_client_invalid_client_id'],
    ['an id with a line break', { client_id: 'a\nb' }, 'm2m_client_invalid_client_id'],
    ['a numeric secret', { client_secret: 12345678 }, 'm2m_client_invalid_secret'],
    ['a secret beyond ASCII', { client_secret: 'x7#Kq2!vé' }, 'm2m_client_invalid_secret'],
    ['a secret of 7 characters', { client_secret: 'x7#Kq2!' }, 'insecure_m2m_client_secret'],
    ['a secret of one character', { client_secret: 'a'.repeat(40) }, 'insecure_m2m_client_secret'],
    ['a secret of two characters', { client_secret: 'abababab' }, 'insecure_m2m_client_secret'],
    ['a run for a secret', { client_secret: '12345678' }, 'insecure_m2m_client_secret'],
    ['a secret of 257 characters', { client_secret: 'x7#Kq2!v'.repeat(33) }, 'client_secret_too_long'],
    ['a numeric name', { client_name: 7 }, 'm2m_client_invalid_name'],
    ['a name of 257 characters', { client_name: 'x'.repeat(257) }, 'm2m_client_invalid_name'],
    ['a numeric description', { client_description: 7 }, 'm2m_client_invalid_description'],
    ['a long description', { client_description: 'x'.repeat(1025) }, 'm2m_client_invalid_description'],
    ['metadata that is a list', { trusted_metadata: [] }, 'metadata_invalid_format'],
    [
      'metadata with 21 keys',
      { trusted_metadata: Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`k${i}`, i])) },
      'metadata_too_many_keys',
    ],
    ['metadata over 4 KB', { trusted_metadata: { text: 'x'.repeat(4100) } }, 'metadata_too_large'],
  ])('is refused with %s', async (_what, fields, errorType) => {
    const request = { scopes: ['read:users'], ...fields } as { scopes: string[] };

    await expectStytchError(sdk.m2m.clients.create(request), 400, errorType);
    expect((await sdk.m2m.clients.search({})).results_metadata.total).toBe(2);
  });

  test.each([['[]'], [undefined]])('is refused with the body %s', async (body) => {
    const response = await fetch(`${stytch.url}/v1/m2m/clients`, {
      method: 'POST',
      headers: {
        ...basic(stytch.seed.projectId, stytch.seed.projectSecret),
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
      },
      ...(body !== undefined && { body }),
    });

    await expectRefusal(response, 400, body ? 'invalid_request_body' : 'invalid_m2m_client_scope');
  });
});

describe('updating a client', () => {
  test('changes the given fields only', async () => {
    const { m2m_client } = await sdk.m2m.clients.create({
      scopes: ['read:users'],
      client_name: 'before',
      client_description: 'kept',
    });

    const updated = await sdk.m2m.clients.update({
      client_id: m2m_client.client_id,
      client_name: 'after',
      scopes: ['write:users'],
    });

    expect(updated.m2m_client).toMatchObject({
      client_name: 'after',
      client_description: 'kept',
      status: 'active',
      scopes: ['write:users'],
    });
    expect(updated.m2m_client).not.toHaveProperty('client_secret');
    const got = await sdk.m2m.clients.get({ client_id: m2m_client.client_id });
    expect(got.m2m_client).toEqual(updated.m2m_client);
  });

  test('can empty a field, and ignores null', async () => {
    const { clientId } = stytch.seed;
    const nulls = { client_name: null, status: null } as unknown as object;

    await sdk.m2m.clients.update({ client_id: clientId, client_name: '', scopes: [] });
    const { m2m_client } = await sdk.m2m.clients.update({ client_id: clientId, ...nulls });

    expect(m2m_client).toMatchObject({ client_name: '', scopes: [], status: 'active' });
  });

  test('merges metadata at the top level, where null removes a key', async () => {
    const update = (trusted_metadata: object) =>
      sdk.m2m.clients.update({ client_id: stytch.seed.clientId, trusted_metadata });

    await update({ kept: 1, replaced: { a: 1 }, removed: true });
    const { m2m_client } = await update({ replaced: { b: 2 }, removed: null });

    expect(m2m_client.trusted_metadata).toEqual({ kept: 1, replaced: { b: 2 } });
  });

  test('to inactive stops new tokens, and no issued ones, until it is active again', async () => {
    const { clientId: client_id, clientSecret: client_secret } = stytch.seed;
    const { access_token } = await sdk.m2m.token({ client_id, client_secret });

    const { m2m_client } = await sdk.m2m.clients.update({ client_id, status: 'inactive' });

    expect(m2m_client.status).toBe('inactive');
    await expectStytchError(sdk.m2m.token({ client_id, client_secret }), 400, 'invalid_client');
    await expect(sdk.m2m.authenticateToken({ access_token })).resolves.toMatchObject({ client_id });
    await sdk.m2m.clients.update({ client_id, status: 'active' });
    await expect(sdk.m2m.token({ client_id, client_secret })).resolves.toHaveProperty('access_token');
  });

  test.each([
    ['another status', { status: 'paused' }, 'invalid_m2m_client_status'],
    ['a numeric name', { client_name: 7 }, 'm2m_client_invalid_name'],
    ['a numeric description', { client_description: 7 }, 'm2m_client_invalid_description'],
    ['a scope with a space', { scopes: ['read users'] }, 'invalid_m2m_client_scope'],
    ['metadata that is a string', { trusted_metadata: 'x' }, 'metadata_invalid_format'],
  ])('is refused with %s, and changes nothing', async (_what, fields, errorType) => {
    const request = { client_id: stytch.seed.clientId, ...(fields as object) };
    const before = await sdk.m2m.clients.get(request);

    await expectStytchError(sdk.m2m.clients.update(request), 400, errorType);

    expect((await sdk.m2m.clients.get(request)).m2m_client).toEqual(before.m2m_client);
  });
});

describe('deleting a client', () => {
  test('answers its id and stops new tokens, and no issued ones', async () => {
    const { clientId: client_id, clientSecret: client_secret } = stytch.seed;
    const { access_token } = await sdk.m2m.token({ client_id, client_secret });

    const deleted = await sdk.m2m.clients.delete({ client_id });

    expect(deleted.client_id).toBe(client_id);
    await expectStytchError(sdk.m2m.clients.get({ client_id }), 404, 'm2m_client_not_found');
    await expectStytchError(sdk.m2m.token({ client_id, client_secret }), 400, 'invalid_client');
    await expect(sdk.m2m.authenticateToken({ access_token })).resolves.toMatchObject({ client_id });
  });
});

test.each<[string, (clients: Client['m2m']['clients']) => Promise<unknown>]>([
  ['get', (clients) => clients.get({ client_id: 'nobody' })],
  ['update', (clients) => clients.update({ client_id: 'nobody', status: 'active' })],
  ['delete', (clients) => clients.delete({ client_id: 'nobody' })],
  ['rotateStart', (clients) => clients.secrets.rotateStart({ client_id: 'nobody' })],
  ['rotate', (clients) => clients.secrets.rotate({ client_id: 'nobody' })],
  ['rotateCancel', (clients) => clients.secrets.rotateCancel({ client_id: 'nobody' })],
])('%s answers 404 to an unknown client', async (_name, call) => {
  await expectStytchError(call(sdk.m2m.clients), 404, 'm2m_client_not_found');
});

describe('project credentials', () => {
  test.each<[string, () => Partial<{ project_id: string; secret: string }>]>([
    ['a wrong secret', () => ({ secret: 'wrong' })],
    ['a wrong project', () => ({ project_id: 'project-test-other' })],
  ])('with %s are refused on every management call', async (_what, settings) => {
    const { clients } = stytch.sdk(settings()).m2m;
    const client_id = stytch.seed.clientId;
    const calls = [
      clients.create({ scopes: [] }),
      clients.search({}),
      clients.get({ client_id }),
      clients.update({ client_id }),
      clients.delete({ client_id }),
      clients.secrets.rotateStart({ client_id }),
      clients.secrets.rotate({ client_id }),
      clients.secrets.rotateCancel({ client_id }),
    ];

    await Promise.all(calls.map((call) => expectStytchError(call, 401, 'unauthorized_credentials')));
  });

  test.each([[undefined], ['Bearer abc'], ['Basic'], ['Basic !!!'], ['Basic Og==']])(
    'as %s are refused, with a challenge',
    async (authorization) => {
      const response = await fetch(`${stytch.url}/v1/m2m/clients/${stytch.seed.clientId}`, {
        headers: authorization === undefined ? {} : { Authorization: authorization },
      });

      expect(response.headers.get('www-authenticate')).toMatch(/^Basic /);
      await expectRefusal(response, 401, 'unauthorized_credentials');
    },
  );
});

test('secrets are stored as hashes only', async () => {
  const created = await sdk.m2m.clients.create({ scopes: [] });
  const started = await sdk.m2m.clients.secrets.rotateStart({ client_id: created.m2m_client.client_id });

  const kept = JSON.stringify([...stytch.state.clients.values(), stytch.state.projectCredentials]);

  const { seed } = stytch;
  for (const secret of [
    seed.projectSecret,
    seed.clientSecret,
    seed.operatorClientSecret,
    created.m2m_client.client_secret,
    started.m2m_client.next_client_secret,
  ]) {
    expect(kept).not.toContain(secret);
    expect(kept).not.toContain(JSON.stringify(Buffer.from(secret)).slice(1, -1));
  }
});

import { generateKeyPairSync } from 'node:crypto';
import { Client } from 'stytch';
import type { LocalStytch, LocalStytchOptions } from '../src/api';
import { startLocalStytch } from '../src/startLocalStytch';
import { decode, expectRefusal, rejection } from './localStytch';

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const signingKey = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const started: LocalStytch[] = [];

async function start(options: LocalStytchOptions = {}): Promise<LocalStytch> {
  const stytch = await startLocalStytch({ signingKey, ...options });
  started.push(stytch);
  return stytch;
}

beforeEach(() => {
  jest.spyOn(console, 'warn').mockImplementation();
});
afterEach(async () => {
  await Promise.all(started.splice(0).map((stytch) => stytch.close()));
});

function sdk({ env }: LocalStytch): Client {
  const { STYTCH_PROJECT_ID: project_id, STYTCH_SECRET: secret, STYTCH_BASE_URL: url } = env;
  return new Client({ project_id, secret, env: url });
}

function token(stytch: LocalStytch, id = stytch.env.CLIENT_ID, secret = stytch.env.CLIENT_SECRET) {
  return sdk(stytch).m2m.token({ client_id: id, client_secret: secret });
}

describe('startLocalStytch', () => {
  test('starts on a free port with a client, and the real SDK works with its env', async () => {
    const stytch = await start();

    const { access_token } = await token(stytch);

    expect(stytch.port).toBeGreaterThan(0);
    expect(stytch.url).toBe(`http://localhost:${stytch.port}`);
    expect(stytch.env.STYTCH_BASE_URL).toBe(stytch.url);
    expect(stytch.env.STYTCH_PROJECT_ID).toBe(stytch.projectId);
    expect(await sdk(stytch).m2m.authenticateToken({ access_token })).toMatchObject({
      client_id: stytch.env.CLIENT_ID,
      scopes: ['read:users', 'write:users'],
    });
  });

  test('takes ids, secrets, scopes, claims, metadata and lifetime from its options', async () => {
    const stytch = await start({
      projectId: 'project-test-mine',
      projectSecret: 'my-project-secret',
      tokenLifetimeSeconds: 60,
      claimsTemplate: '{ "tenant": {{ client.trusted_metadata.tenant }} }',
      clients: [
        {
          name: 'one',
          id: 'client-1',
          secret: 'a-good-secret-1',
          scopes: ['read:orders'],
          claims: { tier: 1 },
        },
        { name: 'two', scopes: [], trustedMetadata: { tenant: 'acme' }, status: 'inactive' },
      ],
    });

    expect(stytch.env).toEqual({
      STYTCH_PROJECT_ID: 'project-test-mine',
      STYTCH_SECRET: 'my-project-secret',
      STYTCH_BASE_URL: stytch.url,
      CLIENT_ID: 'client-1',
      CLIENT_SECRET: 'a-good-secret-1',
    });
    const { access_token, expires_in } = await token(stytch);
    expect(expires_in).toBe(60);
    expect(decode(access_token).claims).toMatchObject({ sub: 'client-1', scope: 'read:orders', tier: 1 });
    const { m2m_clients } = await sdk(stytch).m2m.clients.search({});
    expect(m2m_clients).toMatchObject([
      { client_name: 'one', status: 'active' },
      { client_name: 'two', status: 'inactive', trusted_metadata: { tenant: 'acme' } },
    ]);
  });

  test.each<[RegExp, object]>([
    [/options\.port: /, { port: 70_000 }],
    [/options\.projectId: must begin with project-test-/, { projectId: 'project-live-1' }],
    [/options\.clients: /, { clients: [] }],
    [/options\.clients\.0\.name: /, { clients: [{ scopes: [] }] }],
    [/options\.clients\.0\.scopes\.0: Scopes must be/, { clients: [{ name: 'a', scopes: ['a b'] }] }],
    [/options\.clients\.0\.secret: .*entropy/, { clients: [{ name: 'a', scopes: [], secret: 'aaaaaaaaa' }] }],
    [
      /options\.clients\.0\.claims: must not have sub/,
      { clients: [{ name: 'a', scopes: [], claims: { sub: 'b' } }] },
    ],
    [
      /options\.clients\.1\.id: .*already exists/,
      {
        clients: [
          { name: 'a', id: 'same', scopes: [] },
          { name: 'b', id: 'same', scopes: [] },
        ],
      },
    ],
    [/options\.tokenLifetimeSeconds: /, { tokenLifetimeSeconds: 0 }],
    [/options\.claimsTemplate: .*cannot set iss/, { claimsTemplate: { iss: 'me' } }],
    [/options\.signingKey: .*private RSA key/, { signingKey: 'a secret that is no key' }],
    [/options: .*tokenLifetime/, { tokenLifetime: 3 }],
  ])('refuses wrong options with a TypeError that says %s', async (message, options) => {
    const error = await rejection(startLocalStytch(options));

    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain('a secret that is no key');
  });

  test('refuses a port that is in use, and NODE_ENV=production', async () => {
    const { port } = await start();

    expect((await rejection(startLocalStytch({ port }))).message).toMatch(`port ${port}`);
    jest.replaceProperty(process, 'env', { ...process.env, NODE_ENV: 'production' });
    expect((await rejection(startLocalStytch())).message).toMatch(/NODE_ENV is production/);
    jest.restoreAllMocks();
  });

  test('runs several emulators at once, writes nothing and handles no signals', async () => {
    const write = jest.spyOn(process.stdout, 'write');
    const errors = jest.spyOn(process.stderr, 'write');
    const signals = () =>
      ['SIGINT', 'SIGTERM', 'exit', 'disconnect'].map((name) => process.listenerCount(name));
    const before = signals();

    const [one, two] = await Promise.all([start(), start()]);
    const { access_token } = await token(one);

    await expect(sdk(two).m2m.authenticateToken({ access_token })).rejects.toThrow();
    await expect(token(two, one.env.CLIENT_ID, one.env.CLIENT_SECRET)).rejects.toThrow();
    expect(signals()).toEqual(before);
    await Promise.all([one.close(), two.close()]);
    expect(write).not.toHaveBeenCalled();
    expect(errors).not.toHaveBeenCalled();
  });

  test('signs with a given key, as PEM or JWK, under the same kid in each run', async () => {
    const jwk = privateKey.export({ format: 'jwk' });
    const runs = [signingKey, jwk, JSON.stringify(jwk), { ...jwk, kid: 'my-key' }];
    const stytches = await Promise.all(
      runs.map((key) => start({ signingKey: key, projectId: 'project-test-1' })),
    );

    const tokens = await Promise.all(stytches.map((stytch) => stytch.mintToken()));

    const [pem, other, text, named] = tokens.map((access_token) => String(decode(access_token).header.kid));
    expect([other, text, named]).toEqual([pem, pem, 'my-key']);
    await expect(
      sdk(stytches[1]!).m2m.authenticateToken({ access_token: tokens[0]! }),
    ).resolves.toBeDefined();
  });

  test('close() ends at once while a request hangs, and await using closes', async () => {
    const stytch = await start();
    stytch.injectFault({ kind: 'hang' });
    const hanging = rejection(fetch(`${stytch.url}/v1/anything`));
    while (stytch.requests().length === 0) await new Promise(setImmediate);

    await stytch.close();
    await stytch.close();

    await hanging;
    await expect(fetch(stytch.url)).rejects.toThrow('fetch failed');
    const again = await start();
    await again[Symbol.asyncDispose]();
    await expect(fetch(again.url)).rejects.toThrow('fetch failed');
  });
});

describe('createClient', () => {
  test('adds a client that gets tokens with its claims', async () => {
    const stytch = await start();

    const client = await stytch.createClient({ name: 'two', scopes: ['a:b'], claims: { tier: 'gold' } });

    expect(client).toEqual({
      id: expect.any(String),
      secret: expect.any(String),
      name: 'two',
      scopes: ['a:b'],
    });
    const { access_token } = await token(stytch, client.id, client.secret);
    expect(decode(access_token).claims).toMatchObject({ scope: 'a:b', tier: 'gold' });
  });

  test('can add an inactive one, and refuses a taken id and wrong options', async () => {
    const stytch = await start();
    const idle = await stytch.createClient({ name: 'idle', scopes: [], status: 'inactive' });

    await expect(token(stytch, idle.id, idle.secret)).rejects.toMatchObject({ error_type: 'invalid_client' });
    const taken = await rejection(stytch.createClient({ name: 'x', id: idle.id, scopes: [] }));
    expect(taken).toBeInstanceOf(TypeError);
    expect(taken.message).toMatch(/already exists/);
    const wrong = await rejection(stytch.createClient({ name: 'x', scopes: [''] }));
    expect(wrong.message).toMatch(/client\.scopes\.0/);
  });
});

describe('mintToken', () => {
  test('makes a valid token of the first client, with the claims that are given', async () => {
    const stytch = await start();

    const access_token = await stytch.mintToken({ scope: 'admin:all', nbf: null });

    const { claims } = decode(access_token);
    expect(claims).toMatchObject({ sub: stytch.env.CLIENT_ID, scope: 'admin:all' });
    expect(claims).not.toHaveProperty('nbf');
    await expect(sdk(stytch).m2m.authenticateToken({ access_token })).resolves.toBeDefined();
  });

  test('makes tokens that no resource server may accept', async () => {
    const stytch = await start();
    const { m2m } = sdk(stytch);

    for (const access_token of [
      await stytch.mintToken({ exp: 1 }),
      await stytch.mintToken({ aud: 'other' }),
      await stytch.mintToken({}, { header: { alg: 'none' } }),
      await stytch.mintToken({}, { signWith: 'unknown' }),
    ]) {
      await expect(m2m.authenticateToken({ access_token })).rejects.toThrow();
    }
    await expect(stytch.mintToken('no object' as never)).rejects.toThrow(/token\.claims/);
  });
});

test('requests() has duration, status, code, client and claims, and no secret', async () => {
  const stytch = await start();
  const { access_token } = await token(stytch);
  await token(stytch, stytch.env.CLIENT_ID, 'wrong').catch(() => undefined);

  const requests = stytch.requests();

  const { CLIENT_ID: clientId, STYTCH_PROJECT_ID: projectId } = stytch.env;
  const entry = {
    method: 'POST',
    path: `/v1/public/${projectId}/oauth2/token`,
    at: expect.any(Date),
    durationMilliseconds: expect.any(Number),
    clientId,
  };
  expect(requests).toEqual([
    { ...entry, id: 1, status: 200, code: null, claims: decode(access_token).claims },
    { ...entry, id: 2, status: 400, code: 'invalid_client', claims: null },
  ]);
  expect(JSON.stringify(requests)).not.toContain(stytch.env.CLIENT_SECRET);
});

describe('injectFault', () => {
  test('applies to the given path and count, counts its hits, and can be removed', async () => {
    const stytch = await start();
    const fault = stytch.injectFault({
      kind: 'status',
      status: 429,
      retryAfterSeconds: 7,
      path: '/v1/sessions/*',
    });
    const jwks = `${stytch.url}/v1/sessions/jwks/${stytch.projectId}`;

    const refused = await fetch(jwks);
    expect(refused.headers.get('retry-after')).toBe('7');
    await expectRefusal(refused, 429, 'too_many_requests');
    await token(stytch);
    expect(fault.hits).toBe(1);
    fault.remove();
    expect((await fetch(jwks)).status).toBe(200);
    expect(fault.hits).toBe(1);
    stytch.injectFault({ kind: 'drop', count: 1 });
    await expect(fetch(jwks)).rejects.toThrow('fetch failed');
    expect((await fetch(jwks)).status).toBe(200);
  });

  test('refuses a wrong fault', async () => {
    const stytch = await start();

    expect(() => stytch.injectFault({ kind: 'status', status: 200 })).toThrow(/fault\.status/);
    expect(() => stytch.injectFault({ kind: 'explode' } as never)).toThrow(TypeError);
  });
});

test('setClock() dates tokens, and refuses what is no number', async () => {
  const stytch = await start();

  stytch.setClock(-7200);

  const access_token = await stytch.mintToken();
  await expect(sdk(stytch).m2m.authenticateToken({ access_token })).rejects.toThrow();
  expect(() => {
    stytch.setClock(Number.NaN);
  }).toThrow(TypeError);
});

test('rotateSigningKey() keeps the earlier key in the JWKS, or does not', async () => {
  const stytch = await start();
  const kids = async () => {
    const { keys } = await sdk(stytch).sessions.getJWKS({ project_id: stytch.projectId });
    return keys.map(({ kid }) => kid);
  };
  const [first] = await kids();

  await stytch.rotateSigningKey();
  expect(await kids()).toEqual([expect.any(String), first]);
  await stytch.rotateSigningKey({ keepPrevious: false });
  expect(await kids()).toHaveLength(1);
  expect(await kids()).not.toContain(first);
});

test('reset() restores the start: clients, secrets, keys, clock, faults, log', async () => {
  const stytch = await start({ tokenLifetimeSeconds: 100 });
  const { m2m } = sdk(stytch);
  const { kid } = decode(await stytch.mintToken()).header;
  await m2m.clients.secrets.rotateStart({ client_id: stytch.env.CLIENT_ID });
  await m2m.clients.secrets.rotate({ client_id: stytch.env.CLIENT_ID });
  await stytch.createClient({ name: 'two', scopes: [] });
  await stytch.rotateSigningKey();
  stytch.setClock(1e6);
  stytch.injectFault({ kind: 'drop' });

  stytch.reset();

  expect(stytch.requests()).toEqual([]);
  const { access_token, expires_in } = await token(stytch);
  expect(expires_in).toBe(100);
  expect(decode(access_token).header.kid).toBe(kid);
  await expect(m2m.authenticateToken({ access_token })).resolves.toBeDefined();
  expect((await m2m.clients.search({})).m2m_clients).toHaveLength(1);
});

import crypto from 'node:crypto';
import type { Client } from 'stytch';
import {
  basic,
  decode,
  expectOAuthError,
  expectRefusal,
  expectStytchError,
  startLocalStytch,
  type TestStytch,
  tokenUrl,
} from './localStytch';

const grant_type = 'client_credentials';
let stytch: TestStytch;
let sdk: Client;
let body: { client_id: string; client_secret: string };
beforeAll(async () => {
  stytch = await startLocalStytch();
  sdk = stytch.sdk();
  const { m2m_client } = await sdk.m2m.clients.create({
    scopes: ['read:users', 'write:users'],
    client_secret: 'p+ss: w%rd & more',
  });
  body = { client_id: m2m_client.client_id, client_secret: m2m_client.client_secret };
});
afterAll(() => stytch.close());

function json(fields: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(tokenUrl(stytch.url, stytch.seed), {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(fields),
  });
}

function formBasic(): { Authorization: string } {
  const encode = (value: string) => new URLSearchParams({ value }).toString().slice('value='.length);
  return basic(encode(body.client_id), encode(body.client_secret));
}

describe('a token', () => {
  test('has the claims, the header and the lifetime of one from Stytch', async () => {
    const before = Math.floor(Date.now() / 1000);

    const { access_token, ...answer } = await sdk.m2m.token(body);

    expect(answer).toEqual({
      status_code: 200,
      request_id: expect.stringMatching(/^request-id-test-/),
      token_type: 'bearer',
      expires_in: 3600,
    });
    const { header, claims } = decode(access_token);
    const kid = stytch.state.keys.current.kid;
    expect(header).toEqual({ alg: 'RS256', typ: 'JWT', kid });
    const { projectId } = stytch.seed;
    expect(claims).toEqual({
      sub: body.client_id,
      iss: `stytch.com/${projectId}`,
      aud: [projectId],
      scope: 'read:users write:users',
      iat: expect.any(Number),
      nbf: claims.iat,
      exp: Number(claims.iat) + 3600,
    });
    expect(claims.iat).toBeGreaterThanOrEqual(before);
    expect(claims.iat).toBeLessThanOrEqual(Date.now() / 1000);
  });

  test('is authenticated by the SDK', async () => {
    const { access_token } = await sdk.m2m.token({ ...body, scopes: ['write:users'] });

    const authenticated = await sdk.m2m.authenticateToken({ access_token, required_scopes: ['write:users'] });

    expect(authenticated).toEqual({ client_id: body.client_id, scopes: ['write:users'], custom_claims: {} });
  });

  test.each<[string, () => Promise<Response>]>([
    ['credentials in a form', () => stytch.token({ grant_type, ...body })],
    ['credentials in JSON', () => json({ grant_type, ...body })],
    ['Basic credentials and a form', () => stytch.token({ grant_type }, formBasic())],
    ['Basic credentials and JSON', () => json({ grant_type }, formBasic())],
    [
      'Basic credentials and the same client_id in the body',
      () => stytch.token({ grant_type, client_id: body.client_id }, formBasic()),
    ],
    ['unknown and empty parameters', () => stytch.token({ grant_type, ...body, resource: 'x', scope: '' })],
  ])('is issued for %s, with no-store', async (_what, request) => {
    const response = await request();

    expect(response.status).toBe(200);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('pragma')).toBe('no-cache');
    const { access_token } = (await response.json()) as { access_token: string };
    expect(decode(access_token).claims).toMatchObject({
      sub: body.client_id,
      scope: 'read:users write:users',
    });
  });

  test.each([
    ['one of several scopes', 'write:users', 'write:users'],
    ['all of them in another order', 'write:users read:users', 'write:users read:users'],
    ['one of them twice', 'read:users read:users', 'read:users'],
  ])('can be requested with %s', async (_what, scope, granted) => {
    const response = await stytch.token({ grant_type, ...body, scope });

    const { access_token } = (await response.json()) as { access_token: string };
    expect(decode(access_token).claims.scope).toBe(granted);
  });
});

describe('the token endpoint answers', () => {
  test.each<[string, string, () => Promise<Response>]>([
    ['no grant_type', 'invalid_request', () => stytch.token({ ...body })],
    ['an empty grant_type', 'invalid_request', () => stytch.token({ ...body, grant_type: '' })],
    ['another grant_type', 'unsupported_grant_type', () => stytch.token({ ...body, grant_type: 'password' })],
    ['no body at all', 'invalid_request', () => fetch(tokenUrl(stytch.url, stytch.seed), { method: 'POST' })],
    ['a number in JSON', 'invalid_request', () => json({ grant_type, ...body, scope: 7 })],
    ['a JSON list', 'invalid_request', () => json([])],
    ['no credentials', 'invalid_client', () => stytch.token({ grant_type })],
    ['no secret', 'invalid_client', () => stytch.token({ grant_type, client_id: body.client_id })],
    ['no client_id', 'invalid_client', () => stytch.token({ grant_type, client_secret: body.client_secret })],
    ['a wrong secret', 'invalid_client', () => stytch.token({ grant_type, ...body, client_secret: 'wrong' })],
    ['an unknown client', 'invalid_client', () => stytch.token({ grant_type, ...body, client_id: 'nobody' })],
    [
      'a wrong Basic secret',
      'invalid_client',
      () => stytch.token({ grant_type }, basic(body.client_id, 'wrong')),
    ],
    ['another scheme', 'invalid_client', () => stytch.token({ grant_type }, { Authorization: 'Bearer x' })],
    [
      'Basic that is not base64',
      'invalid_request',
      () => stytch.token({ grant_type }, { Authorization: 'Basic !' }),
    ],
    [
      'Basic without a colon',
      'invalid_request',
      () => stytch.token({ grant_type }, { Authorization: `Basic ${Buffer.from('x').toString('base64')}` }),
    ],
    [
      'Basic with a lone %',
      'invalid_request',
      () => stytch.token({ grant_type }, basic(body.client_id, '100%')),
    ],
    ['credentials twice', 'invalid_request', () => stytch.token({ grant_type, ...body }, formBasic())],
    [
      'two different clients',
      'invalid_request',
      () => stytch.token({ grant_type, client_id: 'other' }, formBasic()),
    ],
    [
      'a scope it does not hold',
      'invalid_scope',
      () => stytch.token({ grant_type, ...body, scope: 'delete:users' }),
    ],
    [
      'a scope it does not hold among others',
      'invalid_scope',
      () => stytch.token({ grant_type, ...body, scope: 'read:users delete:users' }),
    ],
    [
      'two spaces between scopes',
      'invalid_scope',
      () => stytch.token({ grant_type, ...body, scope: 'read:users  x' }),
    ],
    [
      'a repeated parameter',
      'invalid_request',
      () =>
        fetch(tokenUrl(stytch.url, stytch.seed), {
          method: 'POST',
          body: new URLSearchParams([
            ['grant_type', grant_type],
            ['scope', 'read:users'],
            ['scope', 'write:users'],
            ...Object.entries(body),
          ]),
        }),
    ],
  ])('%s with %s', async (_what, error, request) => {
    await expectOAuthError(await request(), error);
  });

  test('an unknown project with 404', async () => {
    const seed = { ...stytch.seed, projectId: 'project-test-other' };
    const response = await fetch(tokenUrl(stytch.url, seed), {
      method: 'POST',
      body: new URLSearchParams({ grant_type, ...body }),
    });

    await expectRefusal(response, 404, 'project_not_found');
  });

  test('the SDK in a form that it understands', async () => {
    await expectStytchError(sdk.m2m.token({ ...body, client_secret: 'wrong' }), 400, 'invalid_client');
    await expectStytchError(sdk.m2m.token({ ...body, scopes: ['delete:users'] }), 400, 'invalid_scope');
  });
});

test('unknown client, wrong secret and inactive client get the same answer after the same work', async () => {
  await sdk.m2m.clients.create({ client_id: 'asleep', client_secret: 'x7#Kq2!v', scopes: [] });
  await sdk.m2m.clients.update({ client_id: 'asleep', status: 'inactive' });
  const hashes = jest.spyOn(crypto, 'scrypt');
  const ask = async (client_id: string, client_secret: string) => {
    hashes.mockClear();
    const response = await stytch.token({ grant_type, client_id, client_secret });
    const { error_description } = (await response.json()) as { error_description: string };
    return { error_description, hashes: hashes.mock.calls.length };
  };

  const unknown = await ask('nobody', 'x7#Kq2!v');
  const wrong = await ask(body.client_id, 'x7#Kq2!v');
  const inactive = await ask('asleep', 'x7#Kq2!v');

  expect(unknown).toEqual({ error_description: expect.stringMatching(/./), hashes: 1 });
  expect(wrong).toEqual(unknown);
  expect(inactive).toEqual(unknown);
});

describe('the JWKS', () => {
  test('is public and has the public half of the signing key', async () => {
    const jwks = await sdk.sessions.getJWKS({ project_id: stytch.seed.projectId });
    const response = await fetch(`${stytch.url}/v1/sessions/jwks/${stytch.seed.projectId}`);

    expect(response.status).toBe(200);
    expect(jwks).toEqual({
      status_code: 200,
      request_id: expect.stringMatching(/^request-id-test-/),
      keys: [
        {
          kty: 'RSA',
          n: expect.stringMatching(/^[\w-]{342}$/),
          e: 'AQAB',
          alg: 'RS256',
          use: 'sig',
          key_ops: ['verify'],
          kid: stytch.state.keys.current.kid,
        },
      ],
    });
  });

  test('of another project gets 404', async () => {
    const response = await fetch(`${stytch.url}/v1/sessions/jwks/project-test-other`);

    await expectRefusal(response, 404, 'project_not_found');
  });
});

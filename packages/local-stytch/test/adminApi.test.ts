import { createHmac, createPublicKey, type JsonWebKey, verify } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { Request, Response } from 'express';
import { B2BClient, type Client } from 'stytch';
import { decode, expectRefusal, type Json, startLocalStytch, type TestStytch } from './localStytch';

let stytch: TestStytch;
let sdk: Client;
let credentials: { client_id: string; client_secret: string };
beforeAll(async () => {
  stytch = await startLocalStytch();
  sdk = stytch.sdk();
  credentials = { client_id: stytch.seed.clientId, client_secret: stytch.seed.clientSecret };
});
beforeEach(() => stytch.admin('POST', '/reset'));
afterAll(() => stytch.close());

const answered = { status_code: 200, request_id: expect.stringMatching(/^request-id-test-/) };

test('health shows the state of the emulator', async () => {
  const health = await stytch.admin('GET', '/health');

  expect(health).toEqual({
    ...answered,
    status: 'ok',
    project_id: stytch.seed.projectId,
    clients: 2,
    signing_keys: [stytch.state.keys.current.kid],
    clock_offset_seconds: 0,
    token_lifetime_seconds: 3600,
    issuer: 'project',
    search_totals: true,
    claims_template: null,
  });
});

describe('the request log', () => {
  test('counts and lists the requests, without those to the admin API and without secrets', async () => {
    const { access_token } = await sdk.m2m.token(credentials);
    await sdk.m2m.token({ ...credentials, client_secret: 'a wrong secret' }).catch(() => undefined);
    await sdk.m2m.token({ ...credentials, client_id: 'a secret in the wrong field' }).catch(() => undefined);
    await sdk.m2m.authenticateToken({ access_token });
    await fetch(`${stytch.url}/v1/nothing?token=${access_token}`);

    const log = await stytch.admin('GET', '/requests');

    const token = `/v1/public/${stytch.seed.projectId}/oauth2/token`;
    const jwks = `/v1/sessions/jwks/${stytch.seed.projectId}`;
    const { client_id } = credentials;
    const entry = (id: number, method: string, path: string, status: number, code: string | null) => ({
      id,
      method,
      path,
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      status,
      code,
      duration_milliseconds: expect.any(Number),
    });
    expect(log).toEqual({
      ...answered,
      counts: {
        total: 5,
        token: 3,
        jwks: 1,
        by_path: { [`POST ${token}`]: 3, [`GET ${jwks}`]: 1, 'GET /v1/nothing': 1 },
      },
      requests: [
        { ...entry(1, 'POST', token, 200, null), client_id, claims: decode(access_token).claims },
        { ...entry(2, 'POST', token, 400, 'invalid_client'), client_id },
        entry(3, 'POST', token, 400, 'invalid_client'),
        entry(4, 'GET', jwks, 200, null),
        entry(5, 'GET', '/v1/nothing', 404, 'route_not_found'),
      ],
    });
    const text = JSON.stringify(log);
    for (const secret of [credentials.client_secret, access_token, 'wrong'])
      expect(text).not.toContain(secret);
  });

  test('is empty after DELETE', async () => {
    await fetch(`${stytch.url}/v1/nothing`);

    expect(await stytch.admin('DELETE', '/requests')).toEqual(answered);

    expect(await stytch.admin('GET', '/requests')).toMatchObject({ counts: { total: 0 }, requests: [] });
  });

  test('has the last 10,000 requests and counts 500 paths', async () => {
    const { record } = stytch.emulator.requests;
    const next = jest.fn();
    for (let index = 0; index < 10_005; index += 1) {
      const path = `/v1/nothing/${index}`;
      const response = Object.assign(new EventEmitter(), { locals: {} });
      void record(
        { method: 'GET', path, url: path, headers: {} } as unknown as Request,
        response as unknown as Response,
        next,
      );
    }
    await fetch(`${stytch.url}/v1/${'x'.repeat(2000)}`);

    const { counts, requests } = await stytch.admin('GET', '/requests');

    expect(next).toHaveBeenCalledTimes(10_005);
    expect(requests).toHaveLength(10_000);
    expect(requests[0].path).toBe('/v1/nothing/6');
    expect(requests[9_999].path).toHaveLength(300);
    expect(counts.total).toBe(10_006);
    expect(Object.keys(counts.by_path as object)).toHaveLength(501);
    expect(counts.by_path.other).toBe(9_506);
  });
});

test('reset restores the start', async () => {
  const { clientId: client_id, clientSecret: client_secret } = stytch.seed;
  const before = await stytch.admin('GET', '/health');
  await sdk.m2m.clients.create({ scopes: [] });
  await sdk.m2m.clients.secrets.rotateStart({ client_id });
  await sdk.m2m.clients.secrets.rotate({ client_id });
  await sdk.m2m.clients.delete({ client_id: stytch.seed.operatorClientId });
  await stytch.admin('POST', '/signing-keys/rotate', {});
  await stytch.admin('POST', '/clock', { offset_seconds: 60 });
  await stytch.admin('POST', '/token-lifetime', { seconds: 3 });
  await stytch.admin('POST', '/faults', { kind: 'hang', path: '*' });

  const reset = await stytch.admin('POST', '/reset');

  const { status, ...state } = before;
  expect(status).toBe('ok');
  expect(reset).toEqual({ ...state, request_id: expect.any(String) });
  expect(await stytch.admin('GET', '/faults')).toMatchObject({ faults: [] });
  expect(await stytch.admin('GET', '/requests')).toMatchObject({ requests: [] });
  await expect(sdk.m2m.token({ client_id, client_secret })).resolves.toMatchObject({ expires_in: 3600 });
});

describe('the signing key', () => {
  async function issuedKid(): Promise<unknown> {
    const { access_token } = await sdk.m2m.token(credentials);
    return decode(access_token).header.kid;
  }
  async function publishedKids(): Promise<unknown[]> {
    const { keys } = await sdk.sessions.getJWKS({ project_id: stytch.seed.projectId });
    return keys.map(({ kid }) => kid);
  }

  test('is rotated: the new one signs, and both are published until the old one is retired', async () => {
    const first = await issuedKid();

    const { signing_keys } = await stytch.admin('POST', '/signing-keys/rotate');

    const second = await issuedKid();
    expect(second).not.toBe(first);
    expect(signing_keys).toEqual([second, first]);
    expect(await publishedKids()).toEqual([second, first]);
    expect(await stytch.admin('POST', '/signing-keys/retire')).toMatchObject({ signing_keys: [second] });
    expect(await publishedKids()).toEqual([second]);
  });

  test('is replaced at once without keep_previous', async () => {
    const { signing_keys } = await stytch.admin('POST', '/signing-keys/rotate', { keep_previous: false });

    expect(signing_keys).toEqual([await issuedKid()]);
    expect(await publishedKids()).toEqual(signing_keys);
  });
});

describe('clock and lifetime', () => {
  test('the clock can be 60 s ahead or behind', async () => {
    for (const offset_seconds of [60, -60]) {
      const health = await stytch.admin('POST', '/clock', { offset_seconds });
      const { claims } = decode((await sdk.m2m.token(credentials)).access_token);

      expect(health.clock_offset_seconds).toBe(offset_seconds);
      expect(Math.abs(claims.iat - Date.now() / 1000 - offset_seconds)).toBeLessThan(5);
      expect(claims.exp - claims.iat).toBe(3600);
    }
  });

  test('tokens can live 3 s', async () => {
    const health = await stytch.admin('POST', '/token-lifetime', { seconds: 3 });
    const answer = await sdk.m2m.token(credentials);

    expect(health.token_lifetime_seconds).toBe(3);
    expect(answer.expires_in).toBe(3);
    const { claims } = decode(answer.access_token);
    expect(claims.exp - claims.iat).toBe(3);
  });
});

describe('the project', () => {
  test('can have the base URL as the issuer, and the SDK accepts its tokens', async () => {
    const health = await stytch.admin('POST', '/project', { issuer: 'base_url' });
    const { access_token } = await sdk.m2m.token(credentials);

    expect(health.issuer).toBe('base_url');
    expect(decode(access_token).claims.iss).toBe(stytch.url);
    await expect(sdk.m2m.authenticateToken({ access_token })).resolves.toBeDefined();
  });

  test('can hide the totals of searches', async () => {
    expect((await sdk.m2m.clients.search({})).results_metadata.total).toBe(2);

    await stytch.admin('POST', '/project', { search_totals: false });

    const { results_metadata, m2m_clients } = await sdk.m2m.clients.search({ limit: 1 });
    expect(results_metadata).toEqual({ total: -1, next_cursor: expect.any(String) });
    expect(m2m_clients).toHaveLength(1);
  });

  test('can have a claims template for trusted metadata, until it is null', async () => {
    const { client_id } = credentials;
    const template = {
      tenant: '{{ client.trusted_metadata.tenant }}',
      aud: ['https://wallet.example'],
    };
    await sdk.m2m.clients.update({ client_id, trusted_metadata: { tenant: 'acme' } });
    const issued = async () => decode((await sdk.m2m.token(credentials)).access_token).claims;

    const health = await stytch.admin('POST', '/project', { claims_template: template });

    expect(health.claims_template).toEqual(template);
    expect(await issued()).toMatchObject({ tenant: 'acme', aud: ['https://wallet.example'], sub: client_id });
    await stytch.admin('POST', '/project', { claims_template: null });
    expect(await issued()).not.toHaveProperty('tenant');
  });

  test('keeps its settings when the body has none', async () => {
    await stytch.admin('POST', '/project', { issuer: 'base_url', search_totals: false });

    expect(await stytch.admin('POST', '/project', {})).toMatchObject({
      issuer: 'base_url',
      search_totals: false,
    });
  });
});

test('the keys are also under the path for B2B projects, and both count as JWKS requests', async () => {
  const path = `/sessions/jwks/${stytch.seed.projectId}`;
  const keys = async (prefix: string) =>
    ((await (await fetch(stytch.url + prefix + path)).json()) as { keys: unknown }).keys;

  expect(await keys('/v1/b2b')).toEqual(await keys('/v1'));

  expect(await stytch.admin('GET', '/requests')).toMatchObject({ counts: { jwks: 2 } });
  await expectRefusal(
    await fetch(`${stytch.url}/v1/b2b/sessions/jwks/project-test-1`),
    404,
    'project_not_found',
  );
});

test('the SDK for B2B projects gets tokens and verifies them', async () => {
  const { projectId: project_id, projectSecret: secret } = stytch.seed;
  jest.spyOn(console, 'warn').mockImplementation();
  const b2b = new B2BClient({ project_id, secret, env: stytch.url });

  const { access_token } = await b2b.m2m.token(credentials);

  expect(await b2b.m2m.authenticateToken({ access_token })).toMatchObject({
    client_id: credentials.client_id,
  });
  const { requests } = await stytch.admin('GET', '/requests');
  expect((requests as { path: string }[]).at(-1)?.path).toBe(`/v1/b2b/sessions/jwks/${project_id}`);
});

describe('a minted token', () => {
  async function mint(wanted: Json): Promise<string> {
    return (await stytch.admin('POST', '/tokens', wanted)).access_token as string;
  }
  function isSignedBy(key: Json, token: string, digest = 'sha256'): boolean {
    const [header, payload, signature] = token.split('.');
    return verify(
      digest,
      Buffer.from(`${header}.${payload}`),
      createPublicKey({ key: key as JsonWebKey, format: 'jwk' }),
      Buffer.from(signature!, 'base64url'),
    );
  }

  test('is like an issued one by default', async () => {
    const issued = decode((await sdk.m2m.token(credentials)).access_token);

    const access_token = await mint({});

    const minted = decode(access_token);
    expect(minted.header).toEqual(issued.header);
    expect(Object.keys(minted.claims).sort()).toEqual(Object.keys(issued.claims).sort());
    expect(minted.claims).toMatchObject({ sub: credentials.client_id, scope: 'read:users' });
    await expect(sdk.m2m.authenticateToken({ access_token })).resolves.toBeDefined();
  });

  test('takes any claims and header, and null removes one', async () => {
    const token = await mint({
      claims: { scope: ['a'], exp: null, tenant: { id: 7 } },
      header: { typ: null, kid: '../../etc/passwd', crit: ['x'] },
    });

    const { header, claims } = decode(token);
    expect(header).toEqual({ alg: 'RS256', kid: '../../etc/passwd', crit: ['x'] });
    expect(claims).toMatchObject({ scope: ['a'], tenant: { id: 7 } });
    expect(claims).not.toHaveProperty('exp');
  });

  test('takes a payload as it is', async () => {
    const payload = '{"sub":"a","sub":"b"}';

    const token = await mint({ payload });

    expect(Buffer.from(token.split('.')[1]!, 'base64url').toString()).toBe(payload);
    expect(isSignedBy(stytch.state.keys.current.jwk, token)).toBe(true);
  });

  test('can be signed by a key that is in no JWKS', async () => {
    const token = await mint({ sign_with: 'unknown' });

    const { kid } = decode(token).header;
    expect(kid).not.toBe(stytch.state.keys.current.kid);
    expect(isSignedBy(stytch.state.keys.current.jwk, token)).toBe(false);
    expect(isSignedBy((await stytch.state.keys.unpublished()).jwk, token)).toBe(true);
    expect(decode(await mint({ sign_with: 'unknown' })).header.kid).toBe(kid);
  });

  test.each(['none', 'NoNe'])('is unsigned with alg %s', async (alg) => {
    expect(await mint({ header: { alg } })).toMatch(/^[\w-]+\.[\w-]+\.$/);
  });

  test.each([
    ['HS256', 'sha256'],
    ['HS512', 'sha512'],
  ])('is signed with alg %s by the public key as a secret', async (alg, digest) => {
    const token = await mint({ header: { alg } });

    const publicKey = createPublicKey({ key: stytch.state.keys.current.jwk as JsonWebKey, format: 'jwk' });
    const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
    const [header, payload, signature] = token.split('.');
    const expected = createHmac(digest, pem).update(`${header}.${payload}`).digest('base64url');
    expect(signature).toBe(expected);
  });

  test.each([
    ['RS384', 'sha384'],
    ['ES256', 'sha256'],
    [7, 'sha256'],
  ])('is signed by the RSA key with alg %s', async (alg, digest) => {
    const token = await mint({ header: { alg } });

    expect(decode(token).header.alg).toBe(alg);
    expect(isSignedBy(stytch.state.keys.current.jwk, token, digest)).toBe(true);
  });

  test('is signed with RSA-PSS with alg PS256', async () => {
    const token = await mint({ header: { alg: 'PS256' } });

    expect(isSignedBy(stytch.state.keys.current.jwk, token)).toBe(false);
    expect(token.split('.')[2]).toHaveLength(342);
  });
});

test.each<[string, Json, RegExp]>([
  ['/signing-keys/rotate', { keep_previous: 'no' }, /keep_previous: .*boolean/],
  ['/signing-keys/rotate', { keepPrevious: false }, /body: .*keepPrevious/],
  ['/clock', {}, /offset_seconds/],
  ['/clock', { offset_seconds: '60' }, /offset_seconds: .*number/],
  ['/clock', { offset_seconds: 1e12 }, /offset_seconds/],
  ['/token-lifetime', { seconds: 0 }, /seconds: .*>=1/],
  ['/token-lifetime', { seconds: 1.5 }, /seconds: .*int/],
  ['/tokens', { claims: [] }, /claims: /],
  ['/tokens', { sign_with: 'mine' }, /sign_with: .*current.*unknown/],
  ['/tokens', { payload: {} }, /payload: .*string/],
  ['/project', { issuer: 'me' }, /issuer: /],
  ['/project', { search_totals: 'no' }, /search_totals: /],
  ['/project', { claims_template: [] }, /claims_template: /],
  ['/project', { claims_template: { iss: 'me' } }, /claims_template: .*cannot set iss/],
  ['/project', { claims_template: '{' }, /claims_template: .*not valid JSON/],
  ['/reset', { all: true }, /body: .*all/],
  ['/faults', {}, /kind/],
  ['/faults', { kind: 'explode', path: '*' }, /kind/],
  ['/faults', { kind: 'hang' }, /path: /],
  ['/faults', { kind: 'hang', path: 'v1' }, /path: must begin with \//],
  ['/faults', { kind: 'hang', path: '*', status: 500 }, /body: .*status/],
  ['/faults', { kind: 'hang', path: '*', method: 'get' }, /method: /],
  ['/faults', { kind: 'hang', path: '*', count: 0 }, /count: /],
  ['/faults', { kind: 'delay', path: '*' }, /milliseconds: /],
  ['/faults', { kind: 'delay', path: '*', milliseconds: -1 }, /milliseconds: /],
  ['/faults', { kind: 'status', path: '*' }, /status: /],
  ['/faults', { kind: 'status', path: '*', status: 200 }, /status: .*>=400/],
  ['/faults', { kind: 'status', path: '*', status: 429, retry_after_seconds: -1 }, /retry_after_seconds: /],
])('%s answers 400 to %j and names the wrong field', async (path, body, what) => {
  const response = await fetch(`${stytch.url}/local${path}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });

  const { error_message } = (await response.clone().json()) as { error_message: string };
  expect(error_message).toMatch(what);
  await expectRefusal(response, 400, 'invalid_admin_request');
});

/**
 * How the published SDK behaves, where a service has to know it. A failure means that an upgrade of `stytch`
 * changed something that stytch-m2m relies on.
 */
import { Client, ClientError, RequestError, StytchError } from 'stytch';
import { decode, type Json, rejection, startLocalStytch, type TestStytch } from './localStytch';

let stytch: TestStytch;
let sdk: Client;
let credentials: { client_id: string; client_secret: string };
beforeAll(async () => {
  stytch = await startLocalStytch();
});
beforeEach(async () => {
  await stytch.admin('POST', '/reset');
  sdk = stytch.sdk();
  credentials = { client_id: stytch.seed.clientId, client_secret: stytch.seed.clientSecret };
});
afterEach(() => {
  jest.useRealTimers();
  jest.restoreAllMocks();
});
afterAll(() => stytch.close());

async function mint(wanted: Json = {}): Promise<string> {
  return (await stytch.admin('POST', '/tokens', wanted)).access_token as string;
}

async function mintWith(claims: Json): Promise<string> {
  return mint({ claims });
}

async function jwksRequests(): Promise<number> {
  return (await stytch.admin('GET', '/requests')).counts.jwks as number;
}

async function loggedPaths(): Promise<string[]> {
  const { requests } = await stytch.admin('GET', '/requests');
  return (requests as { method: string; path: string }[]).map(({ method, path }) => `${method} ${path}`);
}

function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}

/** Expects `jwt_invalid`, and returns the code of its cause. */
async function causeOf(call: Promise<unknown>): Promise<unknown> {
  const error = await rejection(call);
  expect(error).toBeInstanceOf(ClientError);
  expect(error.code).toBe('jwt_invalid');
  return error.cause?.code;
}

/** Stops Date until the test advances it. Timers and the network go on. */
function stopTheClock(): (seconds: number) => void {
  jest.useFakeTimers({
    doNotFake: [
      'hrtime',
      'nextTick',
      'performance',
      'queueMicrotask',
      'setImmediate',
      'clearImmediate',
      'setInterval',
      'clearInterval',
      'setTimeout',
      'clearTimeout',
    ],
  });
  return (seconds) => {
    jest.setSystemTime(Date.now() + seconds * 1000);
  };
}

describe('authenticateToken resolves', () => {
  test('client_id, scopes and custom_claims, and neither exp nor any other standard claim', async () => {
    const access_token = await mintWith({ scope: 'read:users write:users', tenant: 't', jti: 'j' });

    const authenticated = await sdk.m2m.authenticateToken({ access_token });

    expect(authenticated).toEqual({
      client_id: credentials.client_id,
      scopes: ['read:users', 'write:users'],
      custom_claims: { tenant: 't' },
    });
  });

  test('a token without exp, without sub or without iat', async () => {
    const access_token = await mintWith({ exp: null, sub: null, iat: null });

    await expect(sdk.m2m.authenticateToken({ access_token })).resolves.toMatchObject({ client_id: '' });
  });

  test('a token whose issuer is the base URL, beside stytch.com/<project_id>', async () => {
    const access_token = await mintWith({ iss: stytch.url });

    await expect(sdk.m2m.authenticateToken({ access_token })).resolves.toBeDefined();
  });
});

describe('authenticateToken throws ClientError jwt_invalid', () => {
  test('on every kind of bad token, with the code of jose as the code of its cause', async () => {
    const kid = stytch.state.keys.current.kid;
    const good = await mint();
    const bad: [token: string, code: string][] = [
      ['garbage', 'ERR_JWS_INVALID'],
      ['', 'ERR_JWS_INVALID'],
      [`${good.split('.').slice(0, 2).join('.')}.AAAA`, 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED'],
      [await mint({ sign_with: 'unknown', header: { kid } }), 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED'],
      [await mint({ sign_with: 'unknown' }), 'ERR_JWKS_NO_MATCHING_KEY'],
      [await mint({ header: { alg: 'RS512' } }), 'ERR_JWKS_NO_MATCHING_KEY'],
      [await mint({ header: { alg: 'none' } }), 'ERR_JOSE_NOT_SUPPORTED'],
      [await mint({ header: { alg: 'HS256' } }), 'ERR_JOSE_NOT_SUPPORTED'],
      [await mint({ header: { crit: ['x'], x: 1 } }), 'ERR_JOSE_NOT_SUPPORTED'],
      [await mint({ payload: 'text' }), 'ERR_JWT_INVALID'],
      [await mintWith({ exp: nowSeconds() - 1 }), 'ERR_JWT_EXPIRED'],
      [await mintWith({ nbf: nowSeconds() + 60 }), 'ERR_JWT_CLAIM_VALIDATION_FAILED'],
      [await mintWith({ iss: 'stytch.com/project-test-other' }), 'ERR_JWT_CLAIM_VALIDATION_FAILED'],
      [await mintWith({ iss: null }), 'ERR_JWT_CLAIM_VALIDATION_FAILED'],
      [await mintWith({ aud: ['project-test-other'] }), 'ERR_JWT_CLAIM_VALIDATION_FAILED'],
      [await mintWith({ aud: null }), 'ERR_JWT_CLAIM_VALIDATION_FAILED'],
      [await mint({ header: { typ: 'at+jwt' } }), 'ERR_JWT_CLAIM_VALIDATION_FAILED'],
      [await mint({ header: { typ: null } }), 'ERR_JWT_CLAIM_VALIDATION_FAILED'],
    ];

    const found: [string, unknown][] = [];
    for (const [access_token] of bad) {
      found.push([access_token, await causeOf(sdk.m2m.authenticateToken({ access_token }))]);
    }

    expect(found).toEqual(bad);
  });

  test.each([
    ['answers 500', { kind: 'status', status: 500 }, 'ERR_JOSE_GENERIC'],
    ['answers 429', { kind: 'status', status: 429 }, 'ERR_JOSE_GENERIC'],
    ['answers HTML', { kind: 'not_json' }, 'ERR_JOSE_GENERIC'],
    ['closes the connection', { kind: 'drop' }, 'ECONNRESET'],
  ])('with the cause that the keys are unavailable, when the JWKS %s', async (_what, fault, code) => {
    const access_token = await mint();
    await stytch.admin('POST', '/faults', { path: '/v1/sessions/jwks/*', ...fault });

    expect(await causeOf(sdk.m2m.authenticateToken({ access_token }))).toBe(code);
  });

  test('with ECONNREFUSED when nothing listens at the base URL', async () => {
    const access_token = await mint();
    const gone = await startLocalStytch();
    await gone.close();

    const call = stytch.sdk({ env: gone.url }).m2m.authenticateToken({ access_token });

    expect(await causeOf(call)).toBe('ECONNREFUSED');
  });

  test('with ERR_JWKS_TIMEOUT when the JWKS hangs for 5 s, and never when its answer stalls half-way', async () => {
    const access_token = await mint();
    const path = '/v1/sessions/jwks/*';
    await stytch.admin('POST', '/faults', { path, kind: 'stall', count: 1 });
    await stytch.admin('POST', '/faults', { path, kind: 'hang' });
    const settled = jest.fn();
    const stalled = stytch.sdk().m2m.authenticateToken({ access_token });
    stalled.then(settled, settled);
    while ((await jwksRequests()) === 0);
    const started = performance.now();

    expect(await causeOf(sdk.m2m.authenticateToken({ access_token }))).toBe('ERR_JWKS_TIMEOUT');

    expect(performance.now() - started).toBeGreaterThan(4900);
    expect(settled).not.toHaveBeenCalled();
  }, 15_000);

  test('with ERR_JWKS_INVALID when the JWKS is JSON of another shape', async () => {
    const access_token = await mint();
    jest.spyOn(stytch.state.keys, 'published').mockReturnValue({} as []);

    expect(await causeOf(sdk.m2m.authenticateToken({ access_token }))).toBe('ERR_JWKS_INVALID');
  });

  test('without a cause when max_token_age_seconds is set and the token has no iat', async () => {
    const access_token = await mintWith({ iat: null });

    expect(await causeOf(sdk.m2m.authenticateToken({ access_token, max_token_age_seconds: 60 }))).toBe(
      undefined,
    );
  });
});

describe('authenticateToken throws ClientError', () => {
  test('jwt_too_old from max_token_age_seconds on, and always with 0', async () => {
    const access_token = await mintWith({ iat: nowSeconds() - 100 });
    const authenticate = (max_token_age_seconds: number) =>
      sdk.m2m.authenticateToken({ access_token, max_token_age_seconds });

    await expect(authenticate(200)).resolves.toBeDefined();
    const old = await rejection(authenticate(60));
    expect(old).toBeInstanceOf(ClientError);
    expect(old.code).toBe('jwt_too_old');
    expect(await rejection(authenticate(0))).toMatchObject({ code: 'jwt_too_old' });
  });

  test('missing_scopes, with the required scopes as its cause', async () => {
    const access_token = await mint();

    const error = await rejection(
      sdk.m2m.authenticateToken({ access_token, required_scopes: ['read:users', 'write:users'] }),
    );

    expect(error).toBeInstanceOf(ClientError);
    expect(error).toMatchObject({ code: 'missing_scopes', cause: ['read:users', 'write:users'] });
    expect(error.message).toMatch(/^missing_scopes: /);
  });
});

describe('authenticateToken throws a bare TypeError', () => {
  test.each([[null], [7], [['read:users']]])('on the scope claim %j', async (scope) => {
    const access_token = await mintWith({ scope });

    const error = await rejection(sdk.m2m.authenticateToken({ access_token }));

    expect(error).toBeInstanceOf(TypeError);
    expect(error).not.toBeInstanceOf(ClientError);
  });

  test('on a token scope with the name of a property of all objects', async () => {
    const access_token = await mintWith({ scope: 'constructor:x read:users' });

    const error = await rejection(
      sdk.m2m.authenticateToken({ access_token, required_scopes: ['read:users'] }),
    );

    expect(error).toBeInstanceOf(TypeError);
  });
});

describe('the scope check', () => {
  async function passes(scope: string, required: string): Promise<boolean> {
    const access_token = await mintWith({ scope });
    return sdk.m2m.authenticateToken({ access_token, required_scopes: [required] }).then(
      () => true,
      () => false,
    );
  }

  test('takes action:* on the token for any resource, and has no other wildcard', async () => {
    expect(await passes('read:*', 'read:users')).toBe(true);
    expect(await passes('write:*', 'read:users')).toBe(false);
    expect(await passes('*:users', 'read:users')).toBe(false);
    expect(await passes('*', 'read:users')).toBe(false);
    expect(await passes('read:users', 'read:*')).toBe(false);
    expect(await passes('admin', 'admin')).toBe(true);
  });

  test('looks no further than the second colon: read:users:own satisfies read:users', async () => {
    expect(await passes('read:users:own', 'read:users')).toBe(true);
    expect(await passes('read:users', 'read:users:own')).toBe(true);
  });

  test('can be replaced by a second argument, which is called only if scopes are required', async () => {
    const access_token = await mintWith({ scope: 'constructor:x a:b:c' });
    const check = jest.fn().mockReturnValueOnce(true).mockReturnValueOnce(false);

    await sdk.m2m.authenticateToken({ access_token, required_scopes: ['z'] }, check);
    const error = await rejection(sdk.m2m.authenticateToken({ access_token, required_scopes: ['z'] }, check));
    await sdk.m2m.authenticateToken({ access_token, required_scopes: [] }, check);

    expect(error).toMatchObject({ code: 'missing_scopes' });
    const asked = { hasScopes: ['constructor:x', 'a:b:c'], requiredScopes: ['z'] };
    expect(check.mock.calls).toEqual([[asked], [asked]]);
  });
});

describe('clock tolerance', () => {
  test('is 0 by default, else clock_tolerance_seconds, in both directions', async () => {
    stopTheClock();
    for (const claims of [{ exp: nowSeconds() }, { nbf: nowSeconds() + 1, exp: nowSeconds() + 9 }]) {
      const access_token = await mintWith(claims);

      await causeOf(sdk.m2m.authenticateToken({ access_token }));
      await expect(
        sdk.m2m.authenticateToken({ access_token, clock_tolerance_seconds: 1 }),
      ).resolves.toBeDefined();
    }
  });

  test('must be given for a Stytch whose clock is 60 s ahead', async () => {
    await stytch.admin('POST', '/clock', { offset_seconds: 60 });
    const { access_token } = await sdk.m2m.token(credentials);

    await causeOf(sdk.m2m.authenticateToken({ access_token }));
    await expect(
      sdk.m2m.authenticateToken({ access_token, clock_tolerance_seconds: 61 }),
    ).resolves.toBeDefined();
  });
});

describe('the JWKS', () => {
  test('is fetched once by any number of calls at the same time, without credentials', async () => {
    const access_token = await mint();

    await Promise.all(Array.from({ length: 20 }, () => sdk.m2m.authenticateToken({ access_token })));

    expect(await jwksRequests()).toBe(1);
  });

  test('is cached for 10 minutes', async () => {
    const pass = stopTheClock();
    const access_token = await mint();
    await sdk.m2m.authenticateToken({ access_token });

    pass(599);
    await sdk.m2m.authenticateToken({ access_token });
    expect(await jwksRequests()).toBe(1);

    pass(1);
    await sdk.m2m.authenticateToken({ access_token });
    expect(await jwksRequests()).toBe(2);
  });

  test('is not fetched for an unknown kid within 30 s of the last fetch, and then once', async () => {
    const pass = stopTheClock();
    const access_token = await mint();
    const stranger = await mint({ sign_with: 'unknown' });
    const tryStranger = () => causeOf(sdk.m2m.authenticateToken({ access_token: stranger }));
    await sdk.m2m.authenticateToken({ access_token });

    pass(29);
    for (let i = 0; i < 5; i++) expect(await tryStranger()).toBe('ERR_JWKS_NO_MATCHING_KEY');
    expect(await jwksRequests()).toBe(1);

    pass(1);
    for (let i = 0; i < 5; i++) expect(await tryStranger()).toBe('ERR_JWKS_NO_MATCHING_KEY');
    expect(await jwksRequests()).toBe(2);
  });

  test('has a new signing key only after 30 s', async () => {
    const pass = stopTheClock();
    await sdk.m2m.authenticateToken({ access_token: await mint() });
    await stytch.admin('POST', '/signing-keys/rotate');
    const access_token = await mint();

    expect(await causeOf(sdk.m2m.authenticateToken({ access_token }))).toBe('ERR_JWKS_NO_MATCHING_KEY');
    pass(30);
    await expect(sdk.m2m.authenticateToken({ access_token })).resolves.toBeDefined();
  });

  test('in an outage of less than 10 minutes fails no token with a known key', async () => {
    const pass = stopTheClock();
    const access_token = await mint();
    await sdk.m2m.authenticateToken({ access_token });
    await stytch.admin('POST', '/faults', { path: '*', kind: 'status', status: 500 });

    pass(599);

    await expect(sdk.m2m.authenticateToken({ access_token })).resolves.toBeDefined();
  });

  test('in a longer outage fails every token, is fetched by every request, and recovers at once', async () => {
    const pass = stopTheClock();
    const access_token = await mint();
    await sdk.m2m.authenticateToken({ access_token });
    await stytch.admin('POST', '/faults', { path: '*', kind: 'status', status: 500 });
    pass(600);

    for (let i = 0; i < 5; i++) {
      expect(await causeOf(sdk.m2m.authenticateToken({ access_token }))).toBe('ERR_JOSE_GENERIC');
    }

    expect(await jwksRequests()).toBe(6);
    await stytch.admin('DELETE', '/faults');
    await expect(sdk.m2m.authenticateToken({ access_token })).resolves.toBeDefined();
  });
});

describe('m2m.token and management calls', () => {
  test('throw StytchError with five fields, translated from OAuth for a token', async () => {
    const token = await rejection(sdk.m2m.token({ ...credentials, client_secret: 'wrong' }));
    const get = await rejection(sdk.m2m.clients.get({ client_id: 'nobody' }));

    expect(token).toBeInstanceOf(StytchError);
    expect(get).toBeInstanceOf(StytchError);
    expect({ ...token }).toEqual({
      status_code: 400,
      request_id: expect.stringMatching(/^request-id-test-/),
      error_type: 'invalid_client',
      error_message: expect.stringMatching(/./),
      error_url: 'https://stytch.com/docs/api/errors/400#invalid_client',
    });
    expect({ ...get }).toMatchObject({
      status_code: 404,
      request_id: expect.stringMatching(/^request-id-test-/),
      error_type: 'm2m_client_not_found',
      error_message: 'The m2m client requested could not be found.',
      error_url: 'https://stytch.com/docs/api/errors/404#m2m_client_not_found',
    });
  });

  test('lose the Retry-After header of a 429', async () => {
    await stytch.admin('POST', '/faults', {
      path: '*',
      kind: 'status',
      status: 429,
      retry_after_seconds: 7,
    });

    const error = await rejection(sdk.m2m.token(credentials));

    expect(error).toMatchObject({ status_code: 429, error_type: 'too_many_requests' });
    expect(JSON.stringify(error)).not.toMatch(/retry/i);
  });

  test.each([
    ['a connection that is closed', { kind: 'drop' }, /fetch failed/],
    ['an answer that is not JSON', { kind: 'not_json' }, /Unable to parse JSON/],
    ['an answer that is neither good nor JSON', { kind: 'not_json', status: 502 }, /Unable to parse JSON/],
  ])('throw RequestError on %s', async (_what, fault, message) => {
    await stytch.admin('POST', '/faults', { path: '*', ...fault });

    for (const call of [sdk.m2m.token(credentials), sdk.m2m.clients.search({})]) {
      const error = await rejection(call);
      expect(error).toBeInstanceOf(RequestError);
      expect(error.message).toMatch(message);
    }
  });

  test('put the secrets of the request into RequestError', async () => {
    await stytch.admin('POST', '/faults', { path: '*', kind: 'drop' });

    const error = await rejection(sdk.m2m.token(credentials));

    expect(String(error.request.dataRaw)).toContain(credentials.client_secret);
  });

  test('have no timeout: the setting and the dispatcher reach fetch, which knows only the latter', async () => {
    const dispatcher = { dispatch: jest.fn() } as unknown as NonNullable<
      NonNullable<Parameters<TestStytch['sdk']>[0]>['dispatcher']
    >;
    const fetched = jest.spyOn(globalThis, 'fetch').mockResolvedValue(Response.json({}));

    await stytch.sdk({ timeout: 50, dispatcher }).m2m.token(credentials);

    expect(fetched.mock.calls[0]?.[1]).toMatchObject({ timeout: 50, dispatcher });
    expect(fetched.mock.calls[0]?.[1]).not.toHaveProperty('signal');
  });

  test('wait for an answer that comes long after timeout', async () => {
    await stytch.admin('POST', '/faults', { path: '*', kind: 'delay', milliseconds: 300, count: 2 });
    const hasty = stytch.sdk({ timeout: 20 });

    const answers = await Promise.all([hasty.m2m.token(credentials), hasty.m2m.clients.search({})]);

    expect(answers.map(({ status_code }: Json) => status_code as number)).toEqual([200, 200]);
  });

  test('send a client_id of .. to another endpoint, and encode every other', async () => {
    await sdk.m2m.clients.get({ client_id: '..' }).catch(() => undefined);
    await sdk.m2m.clients.get({ client_id: '.' }).catch(() => undefined);
    await sdk.m2m.clients.secrets.rotateStart({ client_id: '..' }).catch(() => undefined);
    await sdk.m2m.clients.get({ client_id: '../../users/x?y#z' }).catch(() => undefined);

    expect(await loggedPaths()).toEqual([
      'GET /v1/m2m/',
      'GET /v1/m2m/clients/',
      'POST /v1/m2m/secrets/rotate/start',
      'GET /v1/m2m/clients/..%2F..%2Fusers%2Fx%3Fy%23z',
    ]);
  });

  test('request all scopes with an empty list, and send no project credentials for a token', async () => {
    const fetched = jest.spyOn(globalThis, 'fetch');

    const { access_token } = await sdk.m2m.token({ ...credentials, scopes: [] });

    expect(decode(access_token).claims.scope).toBe('read:users');
    expect(Object.keys(fetched.mock.calls[0]?.[1]?.headers ?? {})).toEqual(['User-Agent', 'Content-Type']);
  });
});

describe('the base URL', () => {
  let warned: jest.SpyInstance;
  beforeEach(() => {
    warned = jest.spyOn(console, 'warn').mockImplementation();
  });

  test.each([
    ['project-test-1', {}, 'https://test.stytch.com/'],
    ['project-live-1', {}, 'https://api.stytch.com/'],
    ['anything', {}, 'https://test.stytch.com/'],
    ['project-live-1', { env: 'http://localhost:1/' }, 'http://localhost:1/'],
    ['project-live-1', { custom_base_url: 'https://example.org' }, 'https://example.org/'],
  ])('of %s with %j is %s', async (project_id, settings, base) => {
    const fetched = jest.spyOn(globalThis, 'fetch').mockResolvedValue(Response.json({}));

    await new Client({ project_id, secret: 'x', ...settings }).m2m.token(credentials);

    expect(fetched.mock.calls[0]?.[0]).toBe(`${base}v1/public/${project_id}/oauth2/token`);
  });

  test('in custom_base_url must be https', () => {
    const build = () => new Client({ project_id: 'p', secret: 's', custom_base_url: 'http://localhost' });

    expect(build).toThrow('custom_base_url must use HTTPS scheme');
  });

  test('in env prints one warning, at construction', async () => {
    const { projectId: project_id, projectSecret: secret } = stytch.seed;

    const client = new Client({ project_id, secret, env: stytch.url });
    await client.m2m.token(credentials);

    expect(warned.mock.calls).toEqual([
      [expect.stringMatching(/^\[Stytch\] Warning: Using a custom 'env' value/)],
    ]);
    expect(String(warned.mock.calls[0])).not.toContain(secret);
  });
});

import { B2BClient } from 'stytch';
import {
  type AuthorizationOutcome,
  AuthorizationError,
  type Authorizer,
  authorizationErrorHandler,
  type AuthorizerOptions,
  createAuthorizer,
  type M2MClientIdentity,
  stytchConfig,
  UnauthorizedError,
} from '../src';
import { closeNetwork, listen, type LoopbackServer } from './loopback';
import { jwksOf, TestProject } from './project';
import { realm } from './resourceServer';

closeNetwork();

const project = new TestProject();
let outcomes: AuthorizationOutcome[];

function create<Claims extends object = Record<string, unknown>>(
  options: Partial<AuthorizerOptions> = {},
): Authorizer<Claims> {
  return createAuthorizer<Claims>({
    client: project.client,
    projectId: project.projectId,
    realm,
    onAuthorization: (outcome) => outcomes.push(outcome),
    ...options,
  });
}

beforeEach(() => {
  outcomes = [];
  project.serve(project.key);
});

describe('authorize', () => {
  const bearer = () => `Bearer ${project.token()}`;
  test.each([
    ['the value of Authorization', (value: string) => value],
    ['Fetch headers', (value: string) => new Headers({ Authorization: value })],
    [
      'a Fetch request',
      (value: string) => new Request('http://a.test', { headers: { Authorization: value } }),
    ],
    ['an object with headers', (value: string) => ({ headers: { authorization: value } })],
    [
      'an object with raw headers',
      (value: string) => ({ headers: { authorization: value }, rawHeaders: ['Authorization', value] }),
    ],
  ])('When authorize gets %s, then it resolves to the client', async (_case, from) => {
    const { authorize } = create();
    const authorization = bearer();

    const first = await authorize(from(authorization), 'read:users');
    const cached = await authorize(from(authorization), ['read:users']);

    expect(first).toEqual({ clientId: 'm2m-client-test-1', scopes: ['read:users'], customClaims: {} });
    expect(cached).toBe(first);
    expect(outcomes).toEqual(['allowed', 'allowed']);
  });

  test.each([
    ['nothing', undefined, 'unauthorized'],
    ['null', null, 'unauthorized'],
    ['headers without credentials', new Headers(), 'unauthorized'],
    ['Node headers without credentials', { headers: {} }, 'unauthorized'],
    ['a list as Authorization', { headers: { authorization: ['Bearer a'] as never } }, 'unauthorized'],
    ['garbage', 'Bearer garbage', 'invalid_token'],
    [
      'two tokens in Fetch headers',
      new Headers([
        ['authorization', 'Bearer a'],
        ['authorization', 'Bearer b'],
      ]),
      'invalid_request',
    ],
    [
      'two raw headers',
      {
        headers: { authorization: 'Bearer a' },
        rawHeaders: ['authorization', 'Bearer a', 'Authorization', 'b'],
      },
      'invalid_request',
    ],
  ])('When authorize gets %s, then it rejects', async (_case, from, code) => {
    await expect(create().authorize(from, 'read:users')).rejects.toMatchObject({ code });
    expect(outcomes).toEqual([code]);
  });

  test.each([7, {}, { headers: undefined }, { headers: 'Authorization: Bearer a' }])(
    'When authorize gets %j, then it rejects with a TypeError',
    async (from) => {
      await expect(create().authorize(from as never, [])).rejects.toThrow(TypeError);
      expect(outcomes).toEqual([]);
    },
  );

  test('When scopes are separated by spaces, then each is required', async () => {
    const { authorize } = create();

    await expect(authorize(bearer(), 'read:users  write:users')).rejects.toMatchObject({
      status: 403,
      headers: {
        'WWW-Authenticate': `Bearer realm="${realm}", error="insufficient_scope", scope="read:users write:users"`,
      },
    });
    await expect(authorize(bearer(), 'read:users write:users', { match: 'any' })).resolves.toBeDefined();
  });

  test.each([
    ['', {}],
    ['  ', {}],
    [undefined as never, {}],
    [['read users'], {}],
    [['read:"users"'], {}],
    ['read:\nusers', {}],
    [[undefined] as never, {}],
    [[], { match: 'any' as const }],
    ['a', { match: 'some' as never }],
    ['a', { realm: 'a"b' }],
  ])('When the arguments are %j, %j, then it rejects with a TypeError', async (scopes, options) => {
    await expect(create().authorize(bearer(), scopes, options)).rejects.toThrow(TypeError);
  });
});

describe('check', () => {
  interface Claims {
    team?: string;
  }
  const ofPayments = ({ customClaims }: M2MClientIdentity<Claims>) => customClaims.team === 'payments';
  const denied = {
    status: 403,
    code: 'access_denied',
    headers: { 'WWW-Authenticate': `Bearer realm="${realm}", error="insufficient_scope"` },
  };

  test.each([
    ['a boolean', ofPayments],
    ['a promise', (client: M2MClientIdentity<Claims>) => Promise.resolve(ofPayments(client))],
  ])('When check returns %s, then both check and the scopes must allow the request', async (_case, check) => {
    const { authorize } = create<Claims>();
    const call = (claims: object) => authorize(`Bearer ${project.token(claims)}`, 'read:users', { check });

    await expect(call({ team: 'payments' })).resolves.toMatchObject({ customClaims: { team: 'payments' } });
    await expect(call({ team: 'other' })).rejects.toMatchObject(denied);
    await expect(call({ team: 'payments', scope: '' })).rejects.toMatchObject({ code: 'insufficient_scope' });
    expect(outcomes).toEqual(['allowed', 'access_denied', 'insufficient_scope']);
  });

  test('When a token is cached, then check still runs', async () => {
    const { authorize } = create();
    const token = `Bearer ${project.token()}`;

    await authorize(token, [], { check: () => true });

    await expect(authorize(token, [], { check: () => false })).rejects.toMatchObject(denied);
  });

  test('When check returns undefined, then the request is refused', async () => {
    const check = (() => undefined) as unknown as () => boolean;

    await expect(create().authorize(`Bearer ${project.token()}`, [], { check })).rejects.toMatchObject(
      denied,
    );
  });

  test('When check throws, then authorize rejects with its error and no outcome is reported', async () => {
    const check = () => {
      throw new RangeError('no database');
    };

    await expect(create().authorize(`Bearer ${project.token()}`, [], { check })).rejects.toThrow(RangeError);
    expect(outcomes).toEqual([]);
  });
});

describe('issuer and audience', () => {
  test.each([
    [{ issuer: 'https://login.example.com' }, { iss: 'https://login.example.com' }, true],
    [{ issuer: 'https://login.example.com' }, {}, false],
    [{ issuer: ['https://login.example.com', 'stytch.com/project-test-1'] }, {}, true],
    [{ audience: 'wallet-api' }, { aud: ['wallet-api'] }, true],
    [{ audience: ['wallet-api', 'pay-api'] }, { aud: 'pay-api' }, true],
    [{ audience: 'wallet-api' }, {}, false],
  ])(
    'When the options are %j and the claims %j, then the token is accepted: %s',
    async (options, claims, accepted) => {
      const call = create(options).authorize(`Bearer ${project.token(claims)}`, 'read:users');

      if (accepted) await expect(call).resolves.toBeDefined();
      else await expect(call).rejects.toMatchObject({ code: 'invalid_token' });
    },
  );

  test.each([
    { issuer: '' },
    { issuer: ['a', ''] },
    { audience: '' },
    { audience: [] },
    { projectId: '' },
    { projectId: undefined as never },
    { baseUrl: '' },
    { baseUrl: 'rubbish' },
    { realm: '"' },
    { realm: undefined as never },
  ])('When the options are %j, then createAuthorizer throws a TypeError', (options) => {
    expect(() => create(options)).toThrow(TypeError);
  });
});

describe('the JWKS without the SDK', () => {
  let stytch: LoopbackServer;
  let asked: (string | undefined)[];
  let status: number;
  let body: string;

  beforeEach(async () => {
    asked = [];
    status = 200;
    body = JSON.stringify(jwksOf(project.key));
    stytch = await listen((request, response) => {
      asked.push(request.url);
      response.writeHead(status, { Location: '/elsewhere', 'Retry-After': '7' }).end(body);
    });
  });
  afterEach(() => stytch.close());

  const authorize = (options: Partial<AuthorizerOptions> = {}) =>
    create({ client: undefined, baseUrl: stytch.url, timeoutMilliseconds: 2_000, ...options }).authorize(
      `Bearer ${project.token()}`,
      'read:users',
    );

  test('When there is no client, then the public JWKS of the project is fetched', async () => {
    await expect(authorize()).resolves.toBeDefined();
    expect(asked).toEqual(['/v1/sessions/jwks/project-test-1']);
  });

  test('When jwksUri is set, then the JWKS is fetched from there', async () => {
    await authorize({ jwksUri: `${stytch.url}/v1/b2b/sessions/jwks/project-test-1` });

    expect(asked).toEqual(['/v1/b2b/sessions/jwks/project-test-1']);
  });

  test.each([
    ['an error', 500, ''],
    ['a redirect', 302, ''],
    ['something that is not JSON', 200, '<html>'],
    ['a JWKS without keys', 200, '{"keys":[]}'],
    ['more than 1 MB', 200, ' '.repeat(1_000_001)],
  ])('When Stytch answers with %s, then authorization is unavailable', async (_case, answered, text) => {
    status = answered;
    body = text;

    await expect(authorize()).rejects.toMatchObject({ status: 503, code: 'authorization_unavailable' });
    expect(asked).toHaveLength(1);
  });

  test('When Stytch does not answer, then authorization is unavailable after the timeout', async () => {
    const silent = await listen(() => undefined);
    try {
      await expect(authorize({ baseUrl: silent.url, timeoutMilliseconds: 100 })).rejects.toMatchObject({
        status: 503,
      });
    } finally {
      await silent.close();
    }
  });

  test('When the client is a B2BClient, then its JWKS is fetched through it', async () => {
    jest.spyOn(console, 'warn').mockImplementation();
    const config = stytchConfig({ projectId: project.projectId, secret: 'secret', baseUrl: stytch.url });

    await expect(authorize({ client: new B2BClient(config) })).resolves.toBeDefined();
    expect(asked).toEqual(['/v1/b2b/sessions/jwks/project-test-1']);
  });
});

describe('an AuthorizationError', () => {
  const error = new UnauthorizedError('wallet-server');

  test('When a framework handles the error, then it finds the status, headers and body', async () => {
    const response = error.getResponse();

    expect(error).toMatchObject({ status: 401, statusCode: 401, expose: true, message: 'Unauthorized' });
    expect(JSON.parse(JSON.stringify(error))).toEqual({ error: 'Unauthorized', code: 'unauthorized' });
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="wallet-server"');
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(await response.json()).toEqual({ error: 'Unauthorized', code: 'unauthorized' });
  });

  test('When the error is from another copy of the package, then it is still recognized', () => {
    let copy: unknown;
    jest.isolateModules(() => {
      const { UnauthorizedError: Copy } = jest.requireActual<typeof import('../src')>('../src');
      copy = new Copy('wallet-server');
    });

    expect(copy).not.toBeInstanceOf(AuthorizationError);
    expect(AuthorizationError.is(copy)).toBe(true);
    expect(AuthorizationError.is(error)).toBe(true);
  });

  test.each([undefined, null, 'text', new Error('other'), { status: 401 }])(
    'When the value is %p, then it is not recognized',
    (other) => {
      expect(AuthorizationError.is(other)).toBe(false);
    },
  );
});

describe('authorizationErrorHandler', () => {
  test('When the handler gets an AuthorizationError, then it sends the answer; otherwise it calls next', async () => {
    const passedOn: unknown[] = [];
    const server = await listen((request, response) => {
      const { authorizeToken } = create();
      authorizeToken('read:users')(request, response, (error) => {
        authorizationErrorHandler(error, request, response, (other) => {
          passedOn.push(other);
          response.end();
        });
      });
    });
    try {
      const refused = await fetch(server.url);
      project.getJwks.mockImplementation(() => Promise.reject(new Error('away')));
      const unavailable = await fetch(server.url, {
        headers: { Authorization: `Bearer ${project.token()}` },
      });
      project.serve(project.key);
      await fetch(server.url, { headers: { Authorization: `Bearer ${project.token()}` } });

      expect(refused.status).toBe(401);
      expect(refused.headers.get('www-authenticate')).toBe(`Bearer realm="${realm}"`);
      expect(await refused.json()).toEqual({ error: 'Unauthorized', code: 'unauthorized' });
      expect(unavailable.status).toBe(503);
      expect(unavailable.headers.get('retry-after')).toMatch(/^\d+$/);
      expect(passedOn).toEqual([undefined]);
    } finally {
      await server.close();
    }
  });
});

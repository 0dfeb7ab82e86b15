import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { RequestHandler } from 'express';
import {
  type AuthorizationOutcome,
  type Authorizer,
  type AuthorizerOptions,
  type AuthorizeTokenOptions,
  createAuthorizer,
} from '../src';
import { createSigningKey, signedToken, standardClaims } from './jwt';
import { closeNetwork } from './loopback';
import { TestProject } from './project';
import {
  expectRejected,
  insufficientScope,
  invalidRequest,
  invalidToken,
  realm,
  type ResourceServer,
  startResourceServer,
  tokenTooOld,
  unauthorized,
} from './resourceServer';
import { pass, startOfTest, stopTheClock } from './timers';

closeNetwork();

const project = new TestProject();
const now = startOfTest / 1_000;
let server: ResourceServer;
let authorizer: Authorizer;
let outcomes: AuthorizationOutcome[];

/** Answers with the client that the middleware found. */
const answerClient: RequestHandler = (request, response) => {
  response.json({ client: request.m2mClient });
};

/** Starts a server that requires `read:users` for `/`, and what `routes` says for other paths. */
async function start(
  routes: Record<string, [scopes: string | string[], options?: AuthorizeTokenOptions]> = {},
  options: Partial<AuthorizerOptions> = {},
): Promise<void> {
  authorizer = createAuthorizer({
    client: project.client,
    projectId: project.projectId,
    realm,
    onAuthorization: (outcome) => outcomes.push(outcome),
    ...options,
  });
  const all: typeof routes = { '/': ['read:users'], ...routes };
  const guarded = Object.entries(all).map(([path, guard]): [string, RequestHandler[]] => [
    path,
    [authorizer.authorizeToken(...guard), answerClient],
  ]);
  server = await startResourceServer(Object.fromEntries(guarded));
}

beforeEach(() => {
  stopTheClock();
  outcomes = [];
  project.getJwks.mockReset();
  project.serve(project.key);
});
afterEach(async () => {
  jest.useRealTimers();
  await server.close();
});

describe('a request with a valid token', () => {
  test('When a token is valid, then the handler gets the client as a frozen object', async () => {
    let frozen: unknown;
    await start();
    const guard = authorizer.authorizeToken('read:users');
    await server.close();
    const look: RequestHandler = ({ m2mClient }, response) => {
      const parts = [m2mClient, m2mClient?.scopes, m2mClient?.customClaims, m2mClient?.customClaims.nested];
      frozen = parts.map((part) => Object.isFrozen(part));
      response.json(m2mClient);
    };
    server = await startResourceServer({ '/': [guard, look] });
    const token = project.token({
      scope: 'read:users  write:users',
      team: 'payments',
      nested: { deep: [1] },
    });

    const answer = await server.sendToken(token);

    expect(answer).toMatchObject({ status: 200 });
    expect(answer.body).toEqual({
      clientId: 'm2m-client-test-1',
      scopes: ['read:users', 'write:users'],
      customClaims: { team: 'payments', nested: { deep: [1] } },
    });
    expect(frozen).toEqual([true, true, true, true]);
    expect(outcomes).toEqual(['allowed']);
  });

  test.each([
    ['Bearer', ' '],
    ['bearer', ' '],
    ['BEARER', ' '],
    ['Bearer', '   '],
  ])(
    'When the scheme is written "%s%s", then the token is accepted (RFC 9110 §11.1)',
    async (scheme, space) => {
      await start();

      const answer = await server.send({
        headers: [['authorization', `${scheme}${space}${project.token()}`]],
      });

      expect(answer.status).toBe(200);
    },
  );

  test.each([
    ['aud is a string', { aud: 'project-test-1' }],
    ['aud has other values as well', { aud: ['another', 'project-test-1'] }],
    ['the token has neither iat nor nbf', { iat: undefined, nbf: undefined }],
  ])('When %s, then the token is accepted', async (_case, claims) => {
    await start();

    expect(await server.sendToken(project.token(claims))).toMatchObject({ status: 200 });
  });
});

describe('a request without credentials', () => {
  test.each([
    ['no Authorization header', []],
    ['an empty Authorization header', [['Authorization', '']]],
    ['another scheme with a good token', [['Authorization', 'Foo TOKEN']]],
    ['another scheme of six letters', [['Authorization', 'Digest TOKEN']]],
    ['Basic credentials', [['Authorization', 'Basic dXNlcjpwYXNzd29yZA==']]],
    ['a token without a scheme', [['Authorization', 'TOKEN']]],
    ['a scheme that begins with Bearer', [['Authorization', 'BearerX TOKEN']]],
    ['a tab after the scheme', [['Authorization', 'Bearer\tTOKEN']]],
    ['the token in a header of another name', [['X-Authorization', 'Bearer TOKEN']]],
    ['the token in a proxy’s header', [['Proxy-Authorization', 'Bearer TOKEN']]],
    [
      'another scheme before the token',
      [
        ['Authorization', 'Basic dXNlcjpwYXNzd29yZA=='],
        ['Authorization', 'Bearer TOKEN'],
      ],
    ],
  ] as const)(
    'When a request has %s, then the answer is 401 with a bare challenge',
    async (_case, headers) => {
      await start();
      const token = project.token();

      const answer = await server.send({
        headers: headers.map(([name, value]) => [name, value.replace('TOKEN', token)] as const),
      });

      expectRejected(answer, unauthorized);
      expect(answer.body?.error).toBe('Unauthorized');
      expect(outcomes).toEqual(['unauthorized']);
    },
  );
});

describe('a request with malformed credentials', () => {
  test.each([
    ['Bearer without a token', ['Bearer']],
    ['Bearer with spaces only', ['Bearer   ']],
    ['more than one part', ['Bearer TOKEN TOKEN']],
    ['a list of tokens', ['Bearer TOKEN, Bearer TOKEN']],
    ['the same header twice', ['Bearer TOKEN', 'Bearer TOKEN']],
    ['a second header of another scheme', ['Bearer TOKEN', 'Basic dXNlcjpwYXNzd29yZA==']],
    ['a second header that is empty', ['Bearer TOKEN', '']],
  ])('When a request has %s, then the answer is 400', async (_case, values) => {
    await start();
    const token = project.token();

    const answer = await server.send({
      headers: values.map((value, index) => [
        index === 0 ? 'Authorization' : 'AUTHORIZATION',
        value.replaceAll('TOKEN', token),
      ]),
    });

    expectRejected(answer, invalidRequest);
    expect(outcomes).toEqual(['invalid_request']);
  });
});

test('When a request has more headers than Node keeps, then it is refused', async () => {
  await start();
  const header = ['Authorization', `Bearer ${project.token()}`] as const;
  const others = new Array<readonly [string, string]>(1_500).fill(['a', '']);

  const { status } = await server.send({ headers: [header, ...others, header] });

  expect([400, 431]).toContain(status); // Node itself answers 431, from version 22 on.
  expect(outcomes).toEqual(status === 400 ? ['invalid_request'] : []);
});

describe('an invalid token', () => {
  const stranger = createSigningKey('jwk-test-1');
  const unknown = createSigningKey('jwk-test-9');
  test.each([
    ['only garbage', () => 'garbage'],
    ['only dots', () => '..'],
    ['a bad signature', () => project.token({}, {}, stranger)],
    ['an unknown key', () => project.token({}, {}, unknown)],
    ['no key id', () => project.token({}, { kid: undefined })],
    ['a key id that is not a string', () => project.token({}, { kid: { toString: 'jwk-test-1' } })],
    ['another typ', () => project.token({}, { typ: 'at+jwt' })],
    ['no typ', () => project.token({}, { typ: undefined })],
    ['another algorithm', () => project.token({}, { alg: 'RS512' })],
    ['another issuer', () => project.token({ iss: 'stytch.com/project-test-2' })],
    ['no issuer', () => project.token({ iss: undefined })],
    ['another audience', () => project.token({ aud: ['project-test-2'] })],
    ['no audience', () => project.token({ aud: undefined })],
    ['an audience that only begins like ours', () => project.token({ aud: 'project-test-12' })],
    ['no exp', () => project.token({ exp: undefined })],
    ['an exp that is a string', () => project.token({ exp: String(now + 3_600) })],
    ['an exp that is null', () => project.token({ exp: null })],
    ['no sub', () => project.token({ sub: undefined })],
    ['an empty sub', () => project.token({ sub: '' })],
    ['a sub that is not a string', () => project.token({ sub: 7 })],
    ['no scope', () => project.token({ scope: undefined })],
    ['scopes in a list', () => project.token({ scope: ['read:users'] })],
    ['a scope that is null', () => project.token({ scope: null })],
    ['an iat that is a string', () => project.token({ iat: 'now' })],
    ['an nbf that is a string', () => project.token({ nbf: 'now' })],
    [
      'a payload that is a list',
      () => signedToken({ alg: 'RS256', kid: 'jwk-test-1', typ: 'JWT' }, [], project.key.privateKey),
    ],
    [
      'a payload that is not JSON',
      () => signedToken({ alg: 'RS256', kid: 'jwk-test-1', typ: 'JWT' }, '{', project.key.privateKey),
    ],
  ])('When a token has %s, then the answer is 401 without a reason', async (_case, token) => {
    await start();

    expectRejected(await server.sendToken(token()), invalidToken);
    expectRejected(await server.sendToken(token()), invalidToken);
    expect(outcomes).toEqual(['invalid_token', 'invalid_token']);
  });
});

describe('the times of a token', () => {
  test.each([
    ['expired within the tolerance', { exp: now - 4 }, {}, true],
    ['expired just beyond the tolerance', { exp: now - 5 }, {}, false],
    ['expired, with a tolerance of 0', { exp: now }, { clockToleranceSeconds: 0 }, false],
    ['about to expire, with a tolerance of 0', { exp: now + 1 }, { clockToleranceSeconds: 0 }, true],
    ['not yet valid within the tolerance', { nbf: now + 5 }, {}, true],
    ['not yet valid beyond the tolerance', { nbf: now + 6 }, {}, false],
    ['within a wider tolerance', { exp: now - 59, nbf: now + 60 }, { clockToleranceSeconds: 60 }, true],
    ['expired with a negative exp', { exp: -60_000_000_000 }, {}, false],
    ['within the maximum age', { iat: now - 59 }, { maxTokenAgeSeconds: 60 }, true],
  ])(
    'When a token is %s (claims %j, options %j), then it is accepted: %s',
    async (_case, claims, options, passes) => {
      await start({ '/timed': ['read:users', options] });
      const token = project.token(claims);

      const answers = [await server.sendToken(token, '/timed'), await server.sendToken(token, '/timed')];

      for (const answer of answers) {
        if (passes) expect(answer.status).toBe(200);
        else expectRejected(answer, invalidToken);
      }
    },
  );

  test.each([
    ['older than the maximum age', { iat: now - 60 }, 60],
    ['without iat although there is a maximum age', { iat: undefined }, 60],
  ])(
    'When a token is %s, then the answer is 401 token_too_old',
    async (_case, claims, maxTokenAgeSeconds) => {
      await start({ '/timed': ['read:users', { maxTokenAgeSeconds }] });
      const token = project.token(claims);

      for (let tries = 1; tries <= 2; tries += 1) {
        expectRejected(await server.sendToken(token, '/timed'), tokenTooOld);
      }
      expect(outcomes).toEqual(['token_too_old', 'token_too_old']);
    },
  );

  test.each([{ clockToleranceSeconds: NaN }, { clockToleranceSeconds: -1 }, { maxTokenAgeSeconds: NaN }])(
    'When an option is %j, then authorizeToken throws',
    (option) => {
      const { client, projectId } = project;
      const { authorizeToken } = createAuthorizer({ client, projectId, realm });

      expect(() => authorizeToken('read:users', option)).toThrow(/Seconds must be 0 or more seconds/);
    },
  );

  test('When a cached token ages, then its exp and its maximum age still count', async () => {
    await start({ '/aged': ['read:users', { maxTokenAgeSeconds: 60 }] });
    const token = project.token({ exp: now + 100 });
    await server.sendToken(token);

    await pass(60_000);
    const old = await server.sendToken(token, '/aged');
    const stillGood = await server.sendToken(token);
    await pass(44_999);
    const atTheEnd = await server.sendToken(token);
    await pass(1);
    const expired = await server.sendToken(token);

    expectRejected(old, tokenTooOld);
    expect([stillGood.status, atTheEnd.status]).toEqual([200, 200]);
    expectRejected(expired, invalidToken);
    expect(project.getJwks).toHaveBeenCalledTimes(1);
  });
});

describe('scopes', () => {
  test.each([
    ['read:users', 'read:users', true],
    ['write:users read:users', 'read:users', true],
    ['read:*', 'read:users', true],
    ['write:users', 'read:users', false],
    ['read:users:own', 'read:users', false],
    ['', 'read:users', false],
    ['constructor:x __proto__:x', 'read:users', false],
    ['constructor:x', 'constructor:x', true],
  ])('When a token has "%s" and %s is required, then it is accepted: %s', async (scope, required, passes) => {
    await start({ '/scoped': [required] });

    const answer = await server.sendToken(project.token({ scope }), '/scoped');

    if (passes) expect(answer.status).toBe(200);
    else expectRejected(answer, insufficientScope(required));
  });

  test.each([
    ['all', 'read:users write:users', 200],
    ['all', 'read:users', 403],
    ['any', 'write:users', 200],
    ['any', 'read:wallets', 403],
  ] as const)(
    'When %s of two scopes are required and a token has "%s", then the answer is %d',
    async (match, scope, status) => {
      const required = ['read:users', 'write:users'];
      await start({ '/several': [required, { match }] });

      const answer = await server.sendToken(project.token({ scope }), '/several');

      if (status === 200) expect(answer.status).toBe(200);
      else expectRejected(answer, insufficientScope('read:users write:users'));
      expect(outcomes).toEqual([status === 200 ? 'allowed' : 'insufficient_scope']);
    },
  );

  test('When no scope is required, then any valid token is accepted, but a token is still required', async () => {
    await start({ '/any-client': [[]] });

    const good = await server.sendToken(project.token({ scope: '' }), '/any-client');
    const none = await server.send({ path: '/any-client' });

    expect(good.status).toBe(200);
    expectRejected(none, unauthorized);
  });

  test('When a token is expired and lacks the scope, then the answer is 401 invalid_token', async () => {
    await start();

    const answer = await server.sendToken(project.token({ scope: 'write:users', exp: now - 60 }));

    expectRejected(answer, invalidToken);
  });

  test('When a cached token is used for another route, then the scopes of that route count', async () => {
    await start({ '/write': ['write:users'] });
    const token = project.token();
    await server.sendToken(token);

    expectRejected(await server.sendToken(token, '/write'), insufficientScope('write:users'));
    expect(await server.sendToken(token)).toMatchObject({ status: 200 });
  });
});

test('When a route has its own realm, then its challenges have that realm', async () => {
  await start({ '/vault': ['read:users', { realm: 'vault' }] });

  const answers = [
    await server.send({ path: '/vault' }),
    await server.sendToken('garbage', '/vault'),
    await server.sendToken(project.token({ scope: '' }), '/vault'),
  ];

  expect(answers.map(({ headers }) => headers['www-authenticate'])).toEqual([
    'Bearer realm="vault"',
    'Bearer realm="vault", error="invalid_token"',
    'Bearer realm="vault", error="insufficient_scope", scope="read:users"',
  ]);
});

test('When there is no onAuthorization hook, then requests are still accepted or refused', async () => {
  await start();
  await server.close();
  authorizer = createAuthorizer({ client: project.client, projectId: project.projectId, realm });
  server = await startResourceServer({ '/': [authorizer.authorizeToken('read:users'), answerClient] });

  expect(await server.sendToken(project.token())).toMatchObject({ status: 200 });
  expectRejected(await server.send(), unauthorized);
});

test('When requests are accepted or refused, then no answer and no log line contains a token', async () => {
  await start();
  const tokens = [
    project.token({ exp: now - 60 }),
    project.token({ scope: '' }),
    project.token(),
    'garbage-token',
  ];

  const answers = await Promise.all(tokens.map((token) => server.sendToken(token)));

  expect(server.logged()).toContain('request refused or failed');
  for (const token of tokens) {
    for (const part of token.split('.')) expect(server.logged()).not.toContain(part);
    expect(JSON.stringify(answers)).not.toContain(token);
  }
});

test('When a token of another project is signed with our key, then it is refused', async () => {
  await start();
  const header = { alg: 'RS256', kid: 'jwk-test-1', typ: 'JWT' };
  const token = signedToken(header, standardClaims('project-test-2', now), project.key.privateKey);

  expectRejected(await server.sendToken(token), invalidToken);
});

test('When the onAuthorization hook throws, then requests are still accepted or refused', async () => {
  await start(
    {},
    {
      onAuthorization: () => {
        throw new Error('a hook that fails');
      },
    },
  );

  const good = await server.sendToken(project.token());
  const bad = await server.sendToken('garbage');

  expect(good.status).toBe(200);
  expectRejected(bad, invalidToken);
});

describe('the issuer', () => {
  test.each([
    ['the project', {}, 'stytch.com/project-test-1', true],
    ['Stytch’s address for test projects', {}, 'https://test.stytch.com', true],
    ['Stytch’s address for live projects', {}, 'https://api.stytch.com', false],
    [
      'the configured base URL',
      { baseUrl: 'https://login.bank.example/' },
      'https://login.bank.example',
      true,
    ],
    [
      'Stytch’s address, although another is configured',
      { baseUrl: 'https://login.bank.example' },
      'https://test.stytch.com',
      false,
    ],
    ['another project', {}, 'stytch.com/project-test-2', false],
    ['missing', {}, undefined, false],
  ])(
    'When the issuer is %s (options %j, iss %j), then the token is accepted: %s',
    async (_name, options, iss, passes) => {
      await start({}, options);

      const answer = await server.sendToken(project.token({ iss }));

      if (passes) expect(answer.status).toBe(200);
      else expectRejected(answer, invalidToken);
    },
  );

  test('When the project is live, then Stytch’s address for live projects is accepted', async () => {
    const live = new TestProject('project-live-1');
    await start({}, { client: live.client, projectId: live.projectId });

    expect((await server.sendToken(live.token({ iss: 'https://api.stytch.com' }))).status).toBe(200);
    expectRejected(await server.sendToken(live.token({ iss: 'https://test.stytch.com' })), invalidToken);
  });
});

describe('another framework', () => {
  /** Sends the request of a framework that has only the parsed headers. */
  const ask = (token: string) =>
    new Promise((resolve) => {
      const { authorizeToken } = createAuthorizer({
        client: project.client,
        projectId: project.projectId,
        realm,
      });
      const request = new IncomingMessage(new Socket()) as Parameters<RequestHandler>[0];
      request.headers = { authorization: `Bearer ${token}` };
      Reflect.set(request, 'rawHeaders', undefined);
      authorizeToken('read:users')(
        request,
        new ServerResponse(request) as Parameters<RequestHandler>[1],
        (error?: unknown) => {
          resolve(error ?? request.m2mClient?.clientId);
        },
      );
    });

  test('When a request has no raw headers, then valid tokens are accepted and invalid ones refused', async () => {
    await start();

    expect(await ask(project.token({ sub: 'client-1' }))).toBe('client-1');
    expect(await ask('garbage')).toMatchObject({ code: 'invalid_token' });
  });
});

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

/** Answers what it finds of the caller. */
const whoCalls: RequestHandler = (request, response) => {
  response.json({ client: request.m2mClient });
};

/** A server that guards `/` for `read:users`, and other paths as the test says. */
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
    [authorizer.authorizeToken(...guard), whoCalls],
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

describe('a request with a good token', () => {
  test('When it comes, then the handler finds who calls, frozen', async () => {
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
  ])('When the scheme is written "%s%s", then it passes (RFC 9110 §11.1)', async (scheme, space) => {
    await start();

    const answer = await server.send({ headers: [['authorization', `${scheme}${space}${project.token()}`]] });

    expect(answer.status).toBe(200);
  });

  test.each([
    ['aud is a text', { aud: 'project-test-1' }],
    ['aud names others as well', { aud: ['another', 'project-test-1'] }],
    ['there is neither iat nor nbf', { iat: undefined, nbf: undefined }],
  ])('When %s, then it passes', async (_case, claims) => {
    await start();

    expect(await server.sendToken(project.token(claims))).toMatchObject({ status: 200 });
  });
});

describe('a request without credentials', () => {
  test.each([
    ['no Authorization header', []],
    ['an empty one', [['Authorization', '']]],
    ['another scheme with a good token', [['Authorization', 'Foo TOKEN']]],
    ['another scheme of six letters', [['Authorization', 'Digest TOKEN']]],
    ['Basic credentials', [['Authorization', 'Basic dXNlcjpwYXNzd29yZA==']]],
    ['a token without a scheme', [['Authorization', 'TOKEN']]],
    ['a scheme that begins with Bearer', [['Authorization', 'BearerX TOKEN']]],
    ['a tab behind the scheme', [['Authorization', 'Bearer\tTOKEN']]],
    ['the token in a header of another name', [['X-Authorization', 'Bearer TOKEN']]],
    ['the token in a proxy’s header', [['Proxy-Authorization', 'Bearer TOKEN']]],
    [
      'another scheme before the token',
      [
        ['Authorization', 'Basic dXNlcjpwYXNzd29yZA=='],
        ['Authorization', 'Bearer TOKEN'],
      ],
    ],
  ] as const)('When it has %s, then it is 401 with a bare challenge', async (_case, headers) => {
    await start();
    const token = project.token();

    const answer = await server.send({
      headers: headers.map(([name, value]) => [name, value.replace('TOKEN', token)] as const),
    });

    expectRejected(answer, unauthorized);
    expect(answer.body?.error).toBe('Unauthorized');
    expect(outcomes).toEqual(['unauthorized']);
  });
});

describe('a request whose credentials are malformed', () => {
  test.each([
    ['Bearer with nothing', ['Bearer']],
    ['Bearer with spaces only', ['Bearer   ']],
    ['more than one part', ['Bearer TOKEN TOKEN']],
    ['a list of tokens', ['Bearer TOKEN, Bearer TOKEN']],
    ['the same header twice', ['Bearer TOKEN', 'Bearer TOKEN']],
    ['a second header of another scheme', ['Bearer TOKEN', 'Basic dXNlcjpwYXNzd29yZA==']],
    ['a second header that is empty', ['Bearer TOKEN', '']],
  ])('When it has %s, then it is 400', async (_case, values) => {
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

test('When so many headers come that Node drops some, then the request is refused', async () => {
  await start();
  const header = ['Authorization', `Bearer ${project.token()}`] as const;
  const others = new Array<readonly [string, string]>(1_500).fill(['a', '']);

  const { status } = await server.send({ headers: [header, ...others, header] });

  expect([400, 431]).toContain(status); // 431 is Node's own, from 22 on.
  expect(outcomes).toEqual(status === 400 ? ['invalid_request'] : []);
});

describe('a token that does not hold', () => {
  const stranger = createSigningKey('jwk-test-1');
  const unknown = createSigningKey('jwk-test-9');
  test.each([
    ['garbage', () => 'garbage'],
    ['dots', () => '..'],
    ['a bad signature', () => project.token({}, {}, stranger)],
    ['an unknown key', () => project.token({}, {}, unknown)],
    ['no key id', () => project.token({}, { kid: undefined })],
    ['a key id that is no text', () => project.token({}, { kid: { toString: 'jwk-test-1' } })],
    ['another typ', () => project.token({}, { typ: 'at+jwt' })],
    ['no typ', () => project.token({}, { typ: undefined })],
    ['another algorithm', () => project.token({}, { alg: 'RS512' })],
    ['another issuer', () => project.token({ iss: 'stytch.com/project-test-2' })],
    ['no issuer', () => project.token({ iss: undefined })],
    ['another audience', () => project.token({ aud: ['project-test-2'] })],
    ['no audience', () => project.token({ aud: undefined })],
    ['an audience that only begins like ours', () => project.token({ aud: 'project-test-12' })],
    ['no exp', () => project.token({ exp: undefined })],
    ['an exp that is a text', () => project.token({ exp: String(now + 3_600) })],
    ['an exp that is null', () => project.token({ exp: null })],
    ['no sub', () => project.token({ sub: undefined })],
    ['an empty sub', () => project.token({ sub: '' })],
    ['a sub that is no text', () => project.token({ sub: 7 })],
    ['no scope', () => project.token({ scope: undefined })],
    ['scopes in a list', () => project.token({ scope: ['read:users'] })],
    ['a scope that is null', () => project.token({ scope: null })],
    ['an iat that is a text', () => project.token({ iat: 'now' })],
    ['an nbf that is a text', () => project.token({ nbf: 'now' })],
    [
      'a payload that is a list',
      () => signedToken({ alg: 'RS256', kid: 'jwk-test-1', typ: 'JWT' }, [], project.key.privateKey),
    ],
    [
      'a payload that is no JSON',
      () => signedToken({ alg: 'RS256', kid: 'jwk-test-1', typ: 'JWT' }, '{', project.key.privateKey),
    ],
  ])('When it has %s, then it is 401 without a hint at that', async (_case, token) => {
    await start();

    expectRejected(await server.sendToken(token()), invalidToken);
    expectRejected(await server.sendToken(token()), invalidToken);
    expect(outcomes).toEqual(['invalid_token', 'invalid_token']);
  });
});

describe('the times of a token', () => {
  test.each([
    ['expired within the tolerance', { exp: now - 4 }, {}, true],
    ['expired just beyond it', { exp: now - 5 }, {}, false],
    ['expired, where none is tolerated', { exp: now }, { clockToleranceSeconds: 0 }, false],
    ['about to expire, where none is tolerated', { exp: now + 1 }, { clockToleranceSeconds: 0 }, true],
    ['not yet valid within the tolerance', { nbf: now + 5 }, {}, true],
    ['not yet valid beyond it', { nbf: now + 6 }, {}, false],
    ['within a wider tolerance', { exp: now - 59, nbf: now + 60 }, { clockToleranceSeconds: 60 }, true],
    ['expired in the time of the Romans', { exp: -60_000_000_000 }, {}, false],
    ['within the maximum age', { iat: now - 59 }, { maxTokenAgeSeconds: 60 }, true],
  ])('When a token is %s, then whether it passes is told by them', async (_case, claims, options, passes) => {
    await start({ '/timed': ['read:users', options] });
    const token = project.token(claims);

    const answers = [await server.sendToken(token, '/timed'), await server.sendToken(token, '/timed')];

    for (const answer of answers) {
      if (passes) expect(answer.status).toBe(200);
      else expectRejected(answer, invalidToken);
    }
  });

  test.each([
    ['older than the maximum age', { iat: now - 60 }, 60],
    ['without iat where there is a maximum age', { iat: undefined }, 60],
  ])('When a token is %s, then it is 401 token_too_old', async (_case, claims, maxTokenAgeSeconds) => {
    await start({ '/timed': ['read:users', { maxTokenAgeSeconds }] });
    const token = project.token(claims);

    for (let tries = 1; tries <= 2; tries += 1) {
      expectRejected(await server.sendToken(token, '/timed'), tokenTooOld);
    }
    expect(outcomes).toEqual(['token_too_old', 'token_too_old']);
  });

  test.each([{ clockToleranceSeconds: NaN }, { clockToleranceSeconds: -1 }, { maxTokenAgeSeconds: NaN }])(
    'When an option is %j, then no middleware is made',
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
  ])('When a token holds "%s" and %s is required, then it passes: %s', async (scope, required, passes) => {
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
    'When %s of several are required and a token holds "%s", then it is %d',
    async (match, scope, status) => {
      const required = ['read:users', 'write:users'];
      await start({ '/several': [required, { match }] });

      const answer = await server.sendToken(project.token({ scope }), '/several');

      if (status === 200) expect(answer.status).toBe(200);
      else expectRejected(answer, insufficientScope('read:users write:users'));
      expect(outcomes).toEqual([status === 200 ? 'allowed' : 'insufficient_scope']);
    },
  );

  test('When no scope is required, then any good token passes, and only a good one', async () => {
    await start({ '/any-client': [[]] });

    const good = await server.sendToken(project.token({ scope: '' }), '/any-client');
    const none = await server.send({ path: '/any-client' });

    expect(good.status).toBe(200);
    expectRejected(none, unauthorized);
  });

  test('When a token is expired and lacks the scope, then it is the token that is refused', async () => {
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

test('When a route has a realm of its own, then its challenges name that', async () => {
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

test('When no one asks for outcomes, then requests pass and are refused all the same', async () => {
  await start();
  await server.close();
  authorizer = createAuthorizer({ client: project.client, projectId: project.projectId, realm });
  server = await startResourceServer({ '/': [authorizer.authorizeToken('read:users'), whoCalls] });

  expect(await server.sendToken(project.token())).toMatchObject({ status: 200 });
  expectRejected(await server.send(), unauthorized);
});

test('When requests are refused for whatever reason, then no token is in any answer or log line', async () => {
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

test('When a token of another project is signed by a key of ours, then it is refused', async () => {
  await start();
  const header = { alg: 'RS256', kid: 'jwk-test-1', typ: 'JWT' };
  const token = signedToken(header, standardClaims('project-test-2', now), project.key.privateKey);

  expectRejected(await server.sendToken(token), invalidToken);
});

test('When the hook fails, then good requests pass and bad ones are refused all the same', async () => {
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
      'the address that is configured',
      { baseUrl: 'https://login.bank.example/' },
      'https://login.bank.example',
      true,
    ],
    [
      'Stytch’s own, where another is configured',
      { baseUrl: 'https://login.bank.example' },
      'https://test.stytch.com',
      false,
    ],
    ['another project', {}, 'stytch.com/project-test-2', false],
    ['nobody', {}, undefined, false],
  ])('When it is %s, then whether a token passes is told by that', async (_name, options, iss, passes) => {
    await start({}, options);

    const answer = await server.sendToken(project.token({ iss }));

    if (passes) expect(answer.status).toBe(200);
    else expectRejected(answer, invalidToken);
  });

  test('When the project is live, then Stytch’s address for those is an issuer', async () => {
    const live = new TestProject('project-live-1');
    await start({}, { client: live.client, projectId: live.projectId });

    expect((await server.sendToken(live.token({ iss: 'https://api.stytch.com' }))).status).toBe(200);
    expectRejected(await server.sendToken(live.token({ iss: 'https://test.stytch.com' })), invalidToken);
  });
});

describe('another framework', () => {
  /** The request of a framework that hands over the parsed headers only. */
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

  test('When it has no raw headers, then a good token passes, and a bad one does not', async () => {
    await start();

    expect(await ask(project.token({ sub: 'client-1' }))).toBe('client-1');
    expect(await ask('garbage')).toMatchObject({ code: 'invalid_token' });
  });
});

import * as jose from 'jose';
import { type Authorizer, type AuthorizerOptions, createAuthorizer } from '../src';
import { createSigningKey, encode, standardClaims } from './jwt';
import { closeNetwork, until } from './loopback';
import { TestProject } from './project';
import {
  expectRejected,
  invalidToken,
  realm,
  type ResourceServer,
  startResourceServer,
  unavailable,
} from './resourceServer';
import { pass, setWallClock, startOfTest, stopTheClock } from './timers';

jest.mock('jose', () => {
  const actual = jest.requireActual<typeof jose>('jose');
  return { ...actual, jwtVerify: jest.fn(actual.jwtVerify) };
});
const verifications = jest.mocked(jose.jwtVerify);

closeNetwork();

const minute = 60_000;
const project = new TestProject();
const nextKey = createSigningKey('jwk-test-2');
let server: ResourceServer;
let authorizer: Authorizer;

async function start(options: Partial<AuthorizerOptions> = {}): Promise<void> {
  const { client, projectId } = project;
  authorizer = createAuthorizer({ client, projectId, realm, ...options });
  server = await startResourceServer({
    '/': [authorizer.authorizeToken('read:users'), (_request, response) => response.json({})],
  });
}

beforeEach(() => {
  stopTheClock();
  jest.spyOn(Math, 'random').mockReturnValue(0.5);
  verifications.mockClear();
  project.getJwks.mockReset();
  project.serve(project.key);
});
afterEach(async () => {
  jest.restoreAllMocks();
  jest.useRealTimers();
  authorizer.stop();
  await server.close();
});

/** A token with the project's claims, any key id and a bad signature. */
function forged(kid: string): string {
  const claims = standardClaims(project.projectId, Date.now() / 1_000);
  return `${encode({ alg: 'RS256', typ: 'JWT', kid })}.${encode(claims)}.${'A'.repeat(342)}`;
}

const statusOf = async (token: string) => (await server.sendToken(token)).status;

describe('a token that was verified before', () => {
  test('When a token comes again, then its signature is not verified again for five minutes', async () => {
    await start();
    const token = project.token();
    for (let request = 0; request < 20; request += 1) await statusOf(token);
    const atOnce = verifications.mock.calls.length;

    await pass(5 * minute - 1);
    await statusOf(token);
    const later = verifications.mock.calls.length;
    await pass(1);
    const status = await statusOf(token);

    expect([atOnce, later]).toEqual([1, 1]);
    expect(status).toBe(200);
    expect(verifications).toHaveBeenCalledTimes(2);
  });

  test('When a token was verified with cached keys, then it is cached only as long as they are', async () => {
    await start();
    await statusOf(project.token({ sub: 'another' }));
    await pass(2 * minute);
    const token = project.token();
    await statusOf(token);
    verifications.mockClear();

    await pass(3 * minute - 1);
    await statusOf(token);
    const before = verifications.mock.calls.length;
    await pass(1);
    await statusOf(token);

    expect(before).toBe(0);
    expect(verifications).toHaveBeenCalledTimes(1);
  });

  test('When only cached tokens come, then the keys are refreshed ahead and no request waits', async () => {
    await start();
    const token = project.token();
    await statusOf(token);
    project.hang();
    await pass(2.5 * minute);

    const status = await statusOf(token);

    expect(status).toBe(200);
    expect(project.getJwks).toHaveBeenCalledTimes(2);
  });

  test('When only the unused last bits of the signature change, then the token is refused', async () => {
    await start();
    const token = project.token();
    await statusOf(token);
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const twin = token.slice(0, -1) + (alphabet[alphabet.indexOf(token.slice(-1)) + 1] ?? '');

    expectRejected(await server.sendToken(twin), invalidToken);
    expectRejected(await server.sendToken(`${token}=`), invalidToken);
    expect(Buffer.from(twin.split('.')[2] ?? '', 'base64url')).toEqual(
      Buffer.from(token.split('.')[2] ?? '', 'base64url'),
    );
  });

  test('When more tokens come than fit in the cache, then all are still accepted', async () => {
    await start({ maxCachedTokens: 2 });
    const tokens = ['a', 'b', 'c'].map((sub) => project.token({ sub }));

    for (const token of [...tokens, ...tokens]) expect(await statusOf(token)).toBe(200);

    expect(verifications).toHaveBeenCalledTimes(6);
  });
});

describe('a wall clock that was two hours ahead and is corrected', () => {
  const start2hAhead = async () => {
    setWallClock(120 * minute);
    await start();
    await statusOf(project.token());
    setWallClock(-120 * minute);
  };

  test('When a new key signs, then its tokens are accepted within five seconds', async () => {
    await start2hAhead();
    project.serve(project.key, nextKey);
    await pass(5_000);

    expect(await statusOf(project.token({}, {}, nextKey))).toBe(200);
  });

  test('When a key leaves the JWKS, then its verified tokens are refused after five minutes', async () => {
    await start2hAhead();
    const token = project.token();
    await statusOf(token);
    project.serve(nextKey);
    await pass(5 * minute);

    expectRejected(await server.sendToken(token), invalidToken);
  });

  test('When an outage began before the correction, then it does not outlast its back-off', async () => {
    setWallClock(120 * minute);
    project.fail();
    await start();
    expect(await statusOf(project.token())).toBe(503);
    setWallClock(-120 * minute);
    project.serve(project.key);
    await pass(5_000);

    expect(await statusOf(project.token())).toBe(200);
  });
});

describe('an unexpected error', () => {
  test('When the verification fails unexpectedly, then the answer is 500 and the token is not refused', async () => {
    const outcomes: string[] = [];
    await start({ onAuthorization: (outcome) => outcomes.push(outcome) });
    verifications.mockRejectedValueOnce(new TypeError('unexpected'));
    const token = project.token();

    const { status, body, headers } = await server.sendToken(token);

    expect([status, body?.['code'], headers['www-authenticate']]).toEqual([500, 'internal_error', undefined]);
    expect(outcomes).toEqual([]);
    expect(await statusOf(token)).toBe(200);
  });
});

describe('signing keys that change', () => {
  test('When a new key signs, then its tokens are accepted five seconds after the last fetch', async () => {
    await start();
    await statusOf(project.token());
    project.serve(project.key, nextKey);
    const token = project.token({}, {}, nextKey);
    await pass(4_999);
    const before = await server.sendToken(token);
    await pass(1);

    expectRejected(before, invalidToken);
    expect(await statusOf(token)).toBe(200);
  });

  test('When a key leaves the JWKS, then its tokens are refused within five minutes', async () => {
    await start();
    const token = project.token();
    await statusOf(token);
    project.serve(nextKey);

    await pass(5 * minute);

    expectRejected(await server.sendToken(token), invalidToken);
    expect(await statusOf(project.token({}, {}, nextKey))).toBe(200);
  });

  test('When a refresh shows that a key has left the JWKS, then its tokens are refused at once', async () => {
    await start();
    const token = project.token();
    await statusOf(token);
    project.serve(nextKey);
    await pass(5_000);
    await statusOf(project.token({}, {}, nextKey));

    expectRejected(await server.sendToken(token), invalidToken);
  });

  test('When a key has left the JWKS before an outage, then its tokens are not accepted during the outage', async () => {
    await start();
    const token = project.token();
    await statusOf(token);
    project.serve(nextKey);
    await pass(minute);
    await statusOf(project.token({}, {}, nextKey));
    project.fail();

    await pass(4 * minute);
    expectRejected(await server.sendToken(token), unavailable);
    await pass(2 * minute);
    expectRejected(await server.sendToken(token), unavailable);
    await pass(10 * minute);
    expectRejected(await server.sendToken(token), unavailable);
    project.serve(nextKey);
    await pass(minute);
    expectRejected(await server.sendToken(token), invalidToken);
  });

  test('When many tokens with unknown keys come, then there is one fetch in five seconds', async () => {
    await start();
    await statusOf(project.token());

    const statuses = new Set<number>();
    for (let second = 0; second < 20; second += 1) {
      const tokens = Array.from({ length: 10 }, (_, index) => forged(`invented-${second}-${index}`));
      for (const status of await Promise.all(tokens.map(statusOf))) statuses.add(status);
      await pass(1_000);
    }

    expect(statuses).toEqual(new Set([401]));
    expect(project.getJwks).toHaveBeenCalledTimes(4);
  });
});

describe('during a JWKS outage', () => {
  test('When the outage began before the start, then valid tokens get 503 and malformed ones 401', async () => {
    project.fail();
    await start();

    expectRejected(await server.sendToken(project.token()), unavailable);
    expectRejected(await server.sendToken('garbage'), invalidToken);
    expectRejected(await server.sendToken(project.token({}, { alg: 'none' })), invalidToken);
    expect(project.getJwks).toHaveBeenCalledTimes(1);
  });

  test('When a token was verified before, then it is accepted until its exp, and new tokens get 503', async () => {
    await start();
    const token = project.token();
    await statusOf(token);
    project.fail();
    await pass(5 * minute);

    const seen = await statusOf(token);
    const unseen = await server.sendToken(project.token({ sub: 'never seen' }));
    await pass(54 * minute);
    const stillSeen = await statusOf(token);
    await pass(minute + 5_000);
    const expired = await server.sendToken(token);

    expect([seen, stillSeen]).toEqual([200, 200]);
    expectRejected(unseen, unavailable);
    expectRejected(expired, invalidToken);
  });

  test('When a token was verified before and lacks the scope, then the answer is still 403', async () => {
    await start();
    const token = project.token({ scope: 'write:users' });
    await statusOf(token);
    project.fail();
    await pass(5 * minute);

    expect(await statusOf(token)).toBe(403);
  });

  test('When the cached keys have not expired, then new tokens are accepted too', async () => {
    await start();
    await statusOf(project.token());
    project.fail();
    await pass(5 * minute - 1);

    expect(await statusOf(project.token({ sub: 'never seen' }))).toBe(200);
  });

  test('When acceptVerifiedDuringOutage is false, then tokens that were verified before get 503 too', async () => {
    await start({ acceptVerifiedDuringOutage: false });
    const token = project.token();
    await statusOf(token);
    project.fail();
    await pass(5 * minute - 1);
    const cached = await statusOf(token);
    await pass(1);

    expect(cached).toBe(200);
    expectRejected(await server.sendToken(token), unavailable);
  });

  test('When Stytch hangs, then only the first request waits, and verified tokens are accepted', async () => {
    await start();
    const token = project.token();
    await statusOf(token);
    project.hang();
    await pass(5 * minute);
    const first = server.sendToken(token);
    await until(() => project.getJwks.mock.calls.length === 2);
    await pass(3_000);
    const { status } = await first;
    await pass(10_000);

    const others = await Promise.all(Array.from({ length: 50 }, () => statusOf(token)));

    expect(status).toBe(200);
    expect(new Set(others)).toEqual(new Set([200]));
    expect(project.getJwks).toHaveBeenCalledTimes(3);
  });

  test('When many forged tokens come, then the fetches still back off', async () => {
    await start();
    const token = project.token();
    await statusOf(token);
    project.fail();
    await pass(5 * minute);
    project.getJwks.mockClear();

    const statuses = new Set<number>();
    for (let second = 0; second < 30; second += 1) {
      const tokens = Array.from({ length: 10 }, (_, index) => forged(`invented-${index}`));
      for (const status of await Promise.all(tokens.map(statusOf))) statuses.add(status);
      expect(await statusOf(token)).toBe(200);
      await pass(1_000);
    }

    expect(statuses).toEqual(new Set([503]));
    expect(project.getJwks.mock.calls.length).toBeLessThanOrEqual(11);
  });

  test('When the outage ends, then tokens are verified again within five seconds', async () => {
    await start();
    const token = project.token();
    await statusOf(token);
    project.fail();
    await pass(5 * minute);
    for (let second = 0; second < 30; second += 1) {
      await statusOf(token);
      await pass(1_000);
    }
    project.serve(project.key);
    await pass(5_000);
    verifications.mockClear();

    const statuses = [await statusOf(project.token({ sub: 'never seen' })), await statusOf(token)];

    expect(statuses).toEqual([200, 200]);
    expect(verifications).toHaveBeenCalledTimes(2);
  });
});

describe('readiness', () => {
  test('When an authorizer starts, then it is ready when it has the keys, before any request', async () => {
    project.fail();
    await start();
    authorizer.start();
    await pass(0);
    const away = authorizer.isReady();
    project.serve(project.key);
    await pass(1_000);
    const there = authorizer.isReady();
    project.fail();

    const status = await statusOf(project.token());

    expect([away, there]).toEqual([false, true]);
    expect(status).toBe(200);
    expect(Date.now()).toBe(startOfTest + 1_000);
  });

  test('When an authorizer stops before it has the keys, then it makes no more fetches', async () => {
    project.fail();
    await start();
    authorizer.start();
    await pass(0);

    authorizer.stop();
    await pass(minute);

    expect(project.getJwks).toHaveBeenCalledTimes(1);
    expect(authorizer.isReady()).toBe(false);
  });
});

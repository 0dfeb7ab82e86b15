import fc from 'fast-check';
import { createAuthorizer } from '../src';
import { attackCases } from './attackCases';
import { createSigningKey } from './jwt';
import { closeNetwork } from './loopback';
import { TestProject } from './project';
import {
  type Answer,
  expectRejected,
  insufficientScope,
  invalidRequest,
  invalidToken,
  realm,
  type ResourceServer,
  startResourceServer,
  unauthorized,
} from './resourceServer';
import { startOfTest, stopTheClock } from './timers';

closeNetwork();

const project = new TestProject();
const { key, projectId } = project;
const entered = jest.fn();
let server: ResourceServer;

beforeAll(async () => {
  stopTheClock();
  const authorizer = createAuthorizer({ client: project.client, projectId, realm });
  server = await startResourceServer({
    '/': [
      authorizer.authorizeToken('read:users'),
      (request, response) => {
        entered();
        response.json(request.m2mClient);
      },
    ],
  });
});
afterAll(async () => {
  jest.useRealTimers();
  await server.close();
});
beforeEach(() => {
  entered.mockClear();
});

const rejections = Object.fromEntries(
  [unauthorized, invalidRequest, invalidToken, insufficientScope('read:users')].map((one) => [one.code, one]),
);

/** Node itself answers, and may close the connection while the client still sends. */
function expectCutOff(outcome: Answer | NodeJS.ErrnoException): void {
  // Not instanceof: Node 24 creates this error outside of the test's realm.
  if ('status' in outcome) expect(outcome.status).toBe(431);
  else expect(['ECONNRESET', 'EPIPE']).toContain(outcome.code);
}

const target = { privateKey: key.privateKey, publicJwk: key.publicJwk, projectId, now: startOfTest / 1_000 };

test.each(attackCases(target))('When the attack is $name, then it is refused', async (attack) => {
  const { headers, path = '', body, expected } = attack;

  const sent = server.send({ method: 'POST', path: `/${path}`, headers: headers(), body });
  const outcome = await sent.catch((error: unknown) => error as NodeJS.ErrnoException);

  expect(entered).not.toHaveBeenCalled();
  if (outcome instanceof Error || expected.code === undefined) {
    expect(expected.status).toBe(431);
    expectCutOff(outcome);
  } else {
    expectRejected(outcome, rejections[expected.code]!);
    expect(outcome.status).toBe(expected.status);
  }
});

test('When all attacks are over, then a valid token is accepted and the JWKS was fetched once', async () => {
  const answer = await server.sendToken(project.token());

  expect(answer.status).toBe(200);
  expect(project.getJwks).toHaveBeenCalledTimes(1);
  expect(server.logged()).not.toMatch(/"level":(50|60)/);
});

describe('a valid token that is changed', () => {
  const forger = createSigningKey(key.kid);
  let good: string;
  let others: string[];
  beforeAll(() => {
    good = project.token({ team: 'payments' });
    others = [
      project.token({ sub: 'm2m-client-test-2', scope: 'read:users manage:m2m_clients' }),
      project.token({ sub: 'm2m-client-test-3', exp: startOfTest / 1_000 - 60 }),
      project.token({ scope: 'manage:m2m_clients' }, {}, forger),
    ];
  });

  type Mutation = (token: string) => string;
  const position = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  const at = (token: string, where: number) => Math.floor(where * token.length);
  const character = fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code));
  const part = fc.nat({ max: 2 });
  const withPart = (token: string, index: number, change: (part: string) => string) =>
    token
      .split('.')
      .map((one, place) => (place === index ? change(one) : one))
      .join('.');

  const flipBit = fc.tuple(position, fc.nat({ max: 7 })).map(([where, bit]): Mutation => (token) => {
    const bytes = Buffer.from(token, 'latin1');
    const index = at(token, where);
    bytes[index] = (bytes[index] ?? 0) ^ (1 << bit);
    return bytes.toString('latin1');
  });
  const replace = fc.tuple(position, character).map(([where, by]): Mutation => (token) => {
    const index = at(token, where);
    return token.slice(0, index) + by + token.slice(index + 1);
  });
  const insert = fc.tuple(position, character).map(([where, what]): Mutation => (token) => {
    const index = at(token, where);
    return token.slice(0, index) + what + token.slice(index);
  });
  const append = fc
    .array(character, { minLength: 1, maxLength: 4 })
    .map((characters): Mutation => (token) => {
      return token + characters.join('');
    });
  const truncate = position.map(
    (where): Mutation =>
      (token) =>
        token.slice(0, at(token, where)),
  );
  const cutOut = fc.tuple(position, position).map(([a, b]): Mutation => (token) => {
    return token.slice(0, at(token, Math.min(a, b))) + token.slice(at(token, Math.max(a, b)));
  });
  const flipByteOfPart = fc.tuple(part, position, fc.integer({ min: 1, max: 255 })).map(
    ([index, where, mask]): Mutation =>
      (token) =>
        withPart(token, index, (one) => {
          const bytes = Buffer.from(one, 'base64url');
          const place = Math.floor(where * bytes.length);
          bytes[place] = (bytes[place] ?? 0) ^ mask;
          return bytes.toString('base64url');
        }),
  );
  const reorder = fc.shuffledSubarray([0, 1, 2], { minLength: 2 }).map(
    (order): Mutation =>
      (token) =>
        order.map((index) => token.split('.')[index]).join('.'),
  );
  const exchange = fc.tuple(part, part, fc.nat({ max: 2 })).map(
    ([into, from, other]): Mutation =>
      (token) =>
        withPart(token, into, () => others[other]?.split('.')[from] ?? ''),
  );
  const edit = (index: number, name: fc.Arbitrary<string>) =>
    fc.tuple(name, fc.jsonValue()).map(
      ([field, value]): Mutation =>
        (token) =>
          withPart(token, index, (one) => {
            const fields = JSON.parse(Buffer.from(one, 'base64url').toString()) as object;
            return Buffer.from(JSON.stringify({ ...fields, [field]: value })).toString('base64url');
          }),
    );
  const anyName = fc.string({ maxLength: 10 });
  const editHeader = edit(0, fc.oneof(fc.constantFrom('alg', 'kid', 'typ', 'crit', 'jwk', 'b64'), anyName));
  const editPayload = edit(
    1,
    fc.oneof(fc.constantFrom('sub', 'scope', 'aud', 'iss', 'exp', 'nbf', 'iat'), anyName),
  );

  const structural = fc.oneof(flipByteOfPart, reorder, exchange, editHeader, editPayload);
  const textual = fc.oneof(flipBit, replace, insert, append, truncate, cutOut);
  const mutation = fc
    .tuple(fc.option(structural, { nil: undefined }), fc.array(textual, { maxLength: 2 }))
    .map(([first, rest]) => [...(first ? [first] : []), ...rest]);

  test('When a valid token has been changed, then it is refused', async () => {
    expect((await server.sendToken(good)).status).toBe(200);
    entered.mockClear();

    await fc.assert(
      fc.asyncProperty(mutation, async (mutations) => {
        const token = mutations.reduce((mutated, mutate) => mutate(mutated), good);
        // HTTP removes white space at both ends, and clients send no control characters.
        const received = token.replace(/^[ \t]+|[ \t]+$/g, '');
        fc.pre(received !== good && !others.includes(received) && /^[\t\x20-\x7e\x80-\xff]*$/.test(token));

        const answer = await server.sendToken(token);

        const malformed = received === '' || received.includes(' ');
        expectRejected(answer, malformed ? invalidRequest : invalidToken);
      }),
      { numRuns: 600 },
    );

    expect(entered).not.toHaveBeenCalled();
    expect((await server.sendToken(good)).status).toBe(200);
    expect(project.getJwks).toHaveBeenCalledTimes(1);
  });
});

import request, { type Response } from 'supertest';
import { Readiness } from '../../packages/service-kit/src';
import {
  AccessTokenUnavailableError,
  SecretStoreError,
  StytchUnavailableError,
} from '../../packages/stytch-m2m/src';
import {
  type Answer,
  nameOf,
  operations,
  problemsOf,
  resolve,
  type ServerOperation,
} from '../helpers/apiDocument';
import { stytchError, withApp, type World } from '../helpers/fakeApps';

/** One way to get one of an operation's answers. What is left out is as it is when all is well. */
interface Scenario {
  status: number;
  when: string;
  world?: World;
  method?: string;
  path?: string;
  /** Undefined: none. */
  authorization?: string | undefined;
  contentType?: string;
  contentEncoding?: string;
  body?: string;
  /** How often the request is made; the last answer counts. */
  times?: number;
}

const stopping = new Readiness();
stopping.stop();
const jsonAnswer =
  (status: number, body: string): NonNullable<World['wallet']> =>
  (_request, response) => {
    response.writeHead(status, { 'Content-Type': 'application/json' }).end(body);
  };

/** The ways to get each answer that the document lists for an operation, and some that its `default` stands for. */
function scenariosOf(one: ServerOperation): Scenario[] {
  const { path, operation, server, scope } = one;
  const admin = scope !== undefined && server === 'payment-server';
  const ends = /^\/(complete|cancel)-/.test(path);
  const scenarios: Scenario[] = [
    { status: 200, when: 'all is well' },
    { status: 405, when: 'the method is another', method: 'patch' },
    { status: 500, when: 'something fails that nobody foresaw', world: { broken: true } },
    ...(operation.requestBody ? bodyScenarios : []),
    ...(scope === undefined ? [] : tokenScenarios),
    ...(admin ? [tooMany] : []),
    ...(admin && path !== '/rotation-status' ? stytchScenarios : []),
    ...(path === '/api/check-balance' ? walletScenarios : []),
    ...(path === '/initiate-payment' ? paymentScenarios : []),
    ...(path === '/initiate-payment' && operation.requestBody ? postedPaymentScenarios : []),
    ...(path === '/readyz' ? readinessScenarios : []),
    ...(path === '/search-m2m-client' ? [{ status: 400, when: 'a limit is none', path: '?limit=all' }] : []),
    ...(path.endsWith('{clientId}') ? clientScenarios(path) : []),
    ...(ends ? [conflict(path)] : []),
    ...(/^\/(start|complete|cancel|rotate)-/.test(path) ? [...rotationScenarios, ...atWork] : []),
    ...(path === '/rotation-status' ? statusScenarios : []),
  ];
  return ends
    ? scenarios.map((scenario) => ({ ...scenario, world: { rotating: true, ...scenario.world } }))
    : scenarios;
}

const bodyScenarios: Scenario[] = [
  { status: 400, when: 'the body is malformed', body: '{"' },
  { status: 400, when: 'the body does not inflate', contentEncoding: 'gzip', body: '{}' },
  { status: 413, when: 'the body is too large', body: JSON.stringify({ text: 'x'.repeat(103_000) }) },
  { status: 415, when: 'the body is text', contentType: 'text/plain', body: '{}' },
  { status: 415, when: 'the charset is odd', contentType: 'application/json; charset=latin1', body: '{}' },
  { status: 415, when: 'the Content-Encoding is odd', contentEncoding: 'zip', body: '{}' },
];
const tokenScenarios: Scenario[] = [
  { status: 400, when: 'the Authorization header holds no token', authorization: 'Bearer' },
  { status: 401, when: 'there is no token', authorization: undefined },
  { status: 401, when: 'the token is bad', authorization: 'Bearer bad' },
  { status: 403, when: 'the token lacks the scope', authorization: 'Bearer other:scope' },
  { status: 503, when: 'there are no keys to judge the token', authorization: 'Bearer unjudged' },
];
const tooMany: Scenario = {
  status: 429,
  when: 'there were too many requests',
  world: { requestsPerMinute: 1 },
  times: 2,
};
const stytchScenarios: Scenario[] = [
  { status: 502, when: 'Stytch knows not this service', world: { stytch: stytchError(401, 'unauthorized') } },
  { status: 503, when: 'Stytch is away', world: { stytch: new StytchUnavailableError('away', false) } },
  { status: 504, when: 'Stytch is slow', world: { stytch: new StytchUnavailableError('slow', true) } },
  ...[400, 403, 422, 429, 500, 503].map((status) => ({
    status,
    when: `Stytch answers ${status}`,
    world: { stytch: stytchError(status, `stytch_said_${status}`) },
  })),
];
const walletScenarios: Scenario[] = [
  { status: 400, when: 'there is no such customer', body: '{"customerId":"nobody"}' },
  { status: 403, when: 'the client has another name', world: { clientNames: ['payment-server'] } },
];
const paymentScenarios: Scenario[] = [
  ...[400, 404].map((status) => ({
    status,
    when: `the wallet-server answers ${status}`,
    world: { wallet: jsonAnswer(status, '{"code":"invalid_customer"}') },
  })),
  { status: 502, when: 'the wallet-server sends no balance', world: { wallet: jsonAnswer(200, '{}') } },
  { status: 502, when: 'the wallet-server forbids', world: { wallet: jsonAnswer(403, '{}') } },
  {
    status: 502,
    when: 'the wallet-server rejects each token',
    world: { wallet: jsonAnswer(401, '{"code":"invalid_token"}') },
  },
  { status: 503, when: 'the wallet-server is unwell', world: { wallet: jsonAnswer(503, '{}') } },
  {
    status: 504,
    when: 'the wallet-server hangs',
    world: { wallet: () => undefined, walletTimeoutMilliseconds: 50 },
  },
  ...(
    [
      [502, 'refused'],
      [503, 'unavailable'],
      [504, 'timeout'],
    ] as const
  ).map(([status, reason]) => ({
    status,
    when: `there is no token (${reason})`,
    world: { token: new AccessTokenUnavailableError(reason, 1, new Error(reason)) },
  })),
];
const postedPaymentScenarios: Scenario[] = [
  { status: 400, when: 'fields are at fault', body: '{"debitAmount":"7","currency":"EUR"}' },
  { status: 402, when: 'the balance is too small', body: '{"debitAmount":1791}' },
];
const readinessScenarios: Scenario[] = [
  { status: 503, when: 'it is not ready', world: { readiness: new Readiness(() => false) } },
  { status: 503, when: 'it is stopping', world: { readiness: stopping } },
];
/** Completion conflicts while the server is on the old secret, a cancellation while it is on the next. */
function conflict(path: string): Scenario {
  const nextSecretLastFour = path.startsWith('/complete') ? 'wxyz' : 'abcd';
  return { status: 409, when: 'it would cost access', world: { nextSecretLastFour, rotating: false } };
}
const rotationScenarios: Scenario[] = [
  { status: 404, when: 'Stytch knows no such client', world: { stytch: stytchError(404, 'not_found') } },
];

const stored = { secretIsStored: true };
const heldElsewhere = {
  secret: 'secret-abcd',
  rotation: { startedAt: new Date(), holder: 'elsewhere/pid:[1]/7/another' },
};
const rotatedToday = { secret: 'secret-abcd', lastRotatedAt: new Date() };
const atWork: Scenario[] = [
  {
    status: 409,
    when: 'another rotation is at work',
    world: { store: { read: () => Promise.resolve({ secrets: heldElsewhere, version: '0' }) } },
  },
  {
    status: 500,
    when: 'the secret cannot be stored',
    world: { store: { write: () => Promise.reject(new SecretStoreError('It cannot be written')) } },
  },
  { status: 200, when: 'the secret is stored', world: stored },
];
const statusScenarios: Scenario[] = [
  {
    status: 500,
    when: 'the secret cannot be read',
    world: { store: { read: () => Promise.reject(new SecretStoreError('It cannot be read')) } },
  },
  {
    status: 200,
    when: 'a rotation is under way',
    world: {
      rotating: true,
    },
  },
  {
    status: 200,
    when: 'there was a rotation',
    world: { store: { read: () => Promise.resolve({ secrets: rotatedToday, version: '0' }) } },
  },
];

function clientScenarios(path: string): Scenario[] {
  return [
    ...rotationScenarios,
    { status: 400, when: 'the id leads elsewhere', path: path.replace('{clientId}', '..%2Fusers') },
    { status: 400, when: 'the path is malformed', path: path.replace('{clientId}', '%ZZ') },
  ];
}

describe.each(operations.map((operation) => [nameOf(operation), operation] as const))('%s', (_name, one) => {
  const scenarios = scenariosOf(one);

  test('has no documented answer that is not tried here', () => {
    const tried = new Set(
      scenarios.map(({ status }) => (one.responses[status] ? String(status) : 'default')),
    );
    expect([...tried].sort()).toEqual(Object.keys(one.responses).sort());
  });

  test.each(scenarios)('answers $status as documented when $when', async (scenario) => {
    const answer = await withApp(one.server, scenario.world ?? {}, async (app) => {
      for (let time = 1; time < (scenario.times ?? 1); time += 1) await send(app, scenario);
      return send(app, scenario);
    });
    expect(answer.status).toBe(scenario.status);
    const documented = one.responses[scenario.status] ?? one.responses.default;
    expect(documented).toBeDefined();
    expectDocumented(answer, documented!);
    if (answer.status === 405) expect(answer.headers.allow).toBe(documentedMethods());
  });

  function send(app: Parameters<typeof request>[0], scenario: Scenario): Promise<Response> {
    const method = (scenario.method ?? one.method) as 'get';
    const call = request(app)[method](address(scenario.path));
    const authorization = 'authorization' in scenario ? scenario.authorization : goodAuthorization();
    if (authorization !== undefined) void call.set('Authorization', authorization);
    if (scenario.contentEncoding !== undefined) void call.set('Content-Encoding', scenario.contentEncoding);
    const body = scenario.body ?? exampleBody();
    if (body !== undefined) {
      void call.set('Content-Type', scenario.contentType ?? 'application/json').send(body);
    }
    return call.then((response) => response);
  }

  function address(path = ''): string {
    return path.startsWith('/') ? path : one.path.replace('{clientId}', 'm2m-client-test-1') + path;
  }

  function goodAuthorization(): string | undefined {
    return one.scope === undefined ? undefined : `Bearer ${one.scope}`;
  }

  /** The first example of a body that the document gives is one that the operation takes. */
  function exampleBody(): string | undefined {
    const { examples } = one.operation.requestBody?.content['application/json'] ?? {};
    const [first] = Object.values(examples ?? {});
    return first && JSON.stringify(first.value);
  }

  function documentedMethods(): string {
    const methods = operations
      .filter(({ server, path }) => server === one.server && path === one.path)
      .map(({ method }) => method.toUpperCase());
    const head = methods.includes('GET') && !/-secret-rotation$|^\/initiate-payment$/.test(one.path);
    return [...methods, ...(head ? ['HEAD'] : [])].join(', ');
  }
});

/** Headers that say something about an answer; the rest are the same on all of them. */
const telling = [
  'WWW-Authenticate',
  'Retry-After',
  'Allow',
  'Cache-Control',
  'Server-Timing',
  'RateLimit',
  'RateLimit-Policy',
  'X-Request-Id',
];

function expectDocumented(answer: Response, { headers = {}, content = {} }: Answer): void {
  const given = answer.headers as Record<string, string>;
  for (const [name, reference] of Object.entries(headers)) {
    const { required = false, schema } = resolve(reference);
    const value = given[name.toLowerCase()];
    if (required) expect([name, value]).toEqual([name, expect.any(String)]);
    if (value !== undefined) expect([name, value, problemsOf(schema, value)]).toEqual([name, value, []]);
  }
  const undocumented = telling.filter(
    (name) => given[name.toLowerCase()] !== undefined && !(name in headers),
  );
  expect(undocumented).toEqual([]);
  const [mediaType, { schema = true }] = Object.entries(content)[0]!;
  expect(answer.headers['content-type']).toContain(mediaType);
  const body: unknown = mediaType === 'text/plain' ? answer.text : answer.body;
  expect([body, problemsOf(schema, body)]).toEqual([body, []]);
}

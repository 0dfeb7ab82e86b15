import request, { type Response } from 'supertest';
import { type Scenario, scenariosOf } from '../helpers/answerScenarios';
import { type Answer, nameOf, operations, problemsOf, resolve } from '../helpers/apiDocument';
import { withApp } from '../helpers/fakeApps';

describe.each(operations.map((operation) => [nameOf(operation), operation] as const))('%s', (_name, one) => {
  const scenarios = scenariosOf(one);

  test('has a scenario here for each documented answer', () => {
    const tried = new Set(
      scenarios.map(({ status }) => (one.responses[status] ? String(status) : 'default')),
    );
    expect([...tried].sort()).toEqual(Object.keys(one.responses).sort());
  });

  test.each(scenarios)('answers $status as documented when $when', async (scenario) => {
    const answer = await withApp(one.server, scenario.conditions ?? {}, async (app) => {
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

  /** The first example of a body in the document. */
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

/** Headers that differ between answers. They must be documented. */
const specificHeaders = [
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
  const undocumented = specificHeaders.filter(
    (name) => given[name.toLowerCase()] !== undefined && !(name in headers),
  );
  expect(undocumented).toEqual([]);
  const [mediaType, { schema = true }] = Object.entries(content)[0]!;
  expect(answer.headers['content-type']).toContain(mediaType);
  const body: unknown = mediaType === 'text/plain' ? answer.text : answer.body;
  expect([body, problemsOf(schema, body)]).toEqual([body, []]);
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv from 'ajv';
import { parse } from 'yaml';
import { createAdminApi } from '../src/adminApi';
import { faultSchema } from '../src/faults';
import { type Json, startLocalStytch, type TestStytch } from './localStytch';

const document: Json = parse(readFileSync(join(__dirname, '..', 'openapi.yaml'), 'utf8'));
const ajv = new Ajv({ allErrors: true, schemaId: 'auto' }).addSchema(document, 'openapi');

/** What Express's router knows of a route. */
interface Layer {
  route?: { path: string; methods: Record<string, boolean> };
}

/** An operation of the document. */
interface Operation {
  method: string;
  path: string;
  operation: Json;
  examples: unknown[];
}

const operations: Operation[] = Object.entries<Json>(document.paths).flatMap(([path, item]) =>
  Object.entries<Json>(item).map(([method, operation]) => {
    const body = operation.requestBody && resolve(operation.requestBody).content['application/json'];
    const examples = Object.values<Json>(body?.examples ?? {}).map(({ value }) => value as unknown);
    return { method: method.toUpperCase(), path, operation, examples };
  }),
);

/** What a node is, or what its `$ref` points at. */
function resolve(node: Json): Json {
  if (!node.$ref) return node;
  const steps = String(node.$ref).split('/').slice(1);
  const found: Json = steps.reduce<unknown>(
    (at, step) => (at as Record<string, unknown> | undefined)?.[step],
    document,
  );
  if (found === undefined) throw new Error(`${node.$ref} points at nothing`);
  return found;
}

/** What is wrong with a value under a schema of the document; nothing when the list is empty. */
function problems(schema: Json, value: unknown): unknown[] {
  const withDocument = JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"openapi#/')) as object;
  const validate = ajv.compile(withDocument);
  validate(value);
  return validate.errors ?? [];
}

function answerSchema({ operation }: Operation, status: number): Json {
  return resolve(operation.responses[status])?.content['application/json'].schema;
}

let stytch: TestStytch;
let exposed: TestStytch;
beforeAll(async () => {
  [stytch, exposed] = await Promise.all([startLocalStytch(), startLocalStytch('the-admin-token')]);
});
afterAll(() => Promise.all([stytch.close(), exposed.close()]));

/** The path of an operation, with the examples of its parameters, or the ids that exist. */
function pathOf({ path, operation }: Operation, ids: Record<string, string> = {}): string {
  const parameters = (operation.parameters ?? []) as { name: string; in: string; example?: string }[];
  return parameters.reduce(
    (filled, { name, example = '' }) => filled.replace(`{${name}}`, ids[name] ?? example),
    path,
  );
}

async function call(to: TestStytch, one: Operation, body?: string, type = 'application/json', ids = {}) {
  const { method } = one;
  const response = await fetch(to.url + pathOf(one, ids), {
    method,
    ...(body !== undefined && { body, headers: { 'Content-Type': type } }),
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

/** Makes one of everything that an operation can show or change, and returns the ids. */
async function makeOneOfEach(operationId: string): Promise<Record<string, string>> {
  const { fault } = await stytch.admin('POST', '/faults', {
    kind: 'status',
    path: '/v1/none',
    status: 500,
    count: 3,
  });
  await fetch(`${stytch.url}/v1/anything?a=b`);
  await stytch.token({
    grant_type: 'client_credentials',
    client_id: stytch.seed.clientId,
    client_secret: stytch.seed.clientSecret,
  });
  const [traces] = operations.filter(({ operation }) => operation.operationId === 'exportTraces');
  await stytch.admin('POST', '/v1/traces', traces?.examples[0]);
  const { m2m_client } = await stytch.admin('POST', '/clients', { scopes: ['read:orders'] });
  const clientId = m2m_client.client_id as string;
  if (/^(complete|cancel)Rotation$/.test(operationId)) {
    await stytch.admin('POST', `/clients/${clientId}/secrets/rotate/start`);
  }
  const [token] = (await stytch.admin('GET', '/tokens')).tokens as [{ id: number }];
  const [request] = (await stytch.admin('GET', '/requests')).requests as [{ id: number }];
  return {
    clientId,
    faultId: String(fault.id),
    tokenId: String(token.id),
    requestId: String(request.id),
  };
}

test('the document has every route of the admin API, and no other', () => {
  const router = createAdminApi({} as never, undefined) as unknown as { stack: Layer[] };
  const routes = router.stack.flatMap(({ route }) =>
    Object.keys(route?.methods ?? {})
      .filter((method) => !['_all', 'head'].includes(method))
      .map((method) => `${method.toUpperCase()} /local${route?.path ?? ''}`.replace(/:(\w+)/, '{$1}')),
  );

  expect(operations.map(({ method, path }) => `${method} ${path}`).sort()).toEqual(routes.sort());
});

test('the document is OpenAPI 3.1, and each reference points at something', () => {
  expect(document.openapi).toMatch(/^3\.1\./);
  const references = JSON.stringify(document).match(/"\$ref":"[^"]+"/g) ?? [];
  for (const reference of references) resolve(JSON.parse(`{${reference}}`));
  const pointedAt = new Set(references.map((reference) => reference.slice(8, -1)));
  for (const kind of ['schemas', 'responses', 'requestBodies']) {
    for (const name of Object.keys(document.components[kind])) {
      expect([...pointedAt].join(' ')).toContain(`#/components/${kind}/${name}`);
    }
  }
});

describe.each(operations.map((one) => [`${one.method} ${one.path}`, one] as const))('%s', (_name, one) => {
  const { operation, method, path, examples } = one;
  const isStream = operation.responses[200]?.content?.['text/event-stream'] !== undefined;

  test('has a name, a summary and a declared tag', () => {
    expect(operation.operationId).toMatch(/^\w+$/);
    expect(operation.summary).toBeTruthy();
    const tags = (document.tags as { name: string }[]).map(({ name }) => name);
    expect(tags).toEqual(expect.arrayContaining(operation.tags));
  });

  test('answers as the document says', async () => {
    if (isStream) {
      const response = await fetch(stytch.url + path);
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
      await response.body?.cancel();
      return;
    }
    const ids = await makeOneOfEach(operation.operationId as string);
    const bodies = examples.length > 0 ? examples.map((example) => JSON.stringify(example)) : [undefined];

    for (const body of bodies) {
      const answer = await call(stytch, one, body, 'application/json', ids);

      expect({ body, status: answer.status }).toEqual({ body, status: 200 });
      expect(problems(answerSchema(one, 200), answer.body)).toEqual([]);
    }
    await stytch.admin('POST', '/reset');
  });

  test('gives examples that its schema allows', () => {
    if (!operation.requestBody) return;
    const { schema } = resolve(operation.requestBody).content['application/json'];
    for (const example of examples) expect(problems(schema, example)).toEqual([]);
    expect(problems(schema, { unknown: true })).not.toEqual([]);
  });

  test('answers its errors as the document says', async () => {
    const tooLarge = JSON.stringify('x'.repeat(path === '/local/v1/traces' ? 4_200_000 : 200_000));
    const errors: [number, Awaited<ReturnType<typeof call>>][] = [
      [405, await call(stytch, { ...one, method: 'PATCH' })],
      ...(operation.requestBody
        ? ([
            [400, await call(stytch, one, '{"unknown":true}')],
            [413, await call(stytch, one, tooLarge)],
            [415, await call(stytch, one, 'text', 'text/plain')],
          ] as [number, Awaited<ReturnType<typeof call>>][])
        : []),
      ...(path.includes('{') ? ([[404, await call(stytch, one)]] as [number, Json][]) : []),
      ...(path === '/local/health' ? [] : ([[401, await call(exposed, one)]] as [number, Json][])),
    ];

    for (const [status, answer] of errors) {
      expect(answer.status).toBe(status);
      expect(problems(answerSchema(one, status), answer.body)).toEqual([]);
      for (const name of Object.keys(resolve(operation.responses[status]).headers ?? {})) {
        expect(answer.headers.has(name)).toBe(true);
      }
    }
    const documented = Object.keys(operation.responses).map(Number);
    expect(documented.sort()).toEqual([200, ...errors.map(([status]) => status)].sort());
    expect(method).toMatch(/^(GET|POST|PUT|DELETE)$/);
  });
});

test.each<[boolean, Json]>([
  [true, { kind: 'delay', path: '*', milliseconds: 0 }],
  [true, { kind: 'hang', path: '/v1', method: 'PUT', count: 1 }],
  [true, { kind: 'not_json', path: '/v1/*', status: 502 }],
  [false, { kind: 'delay', path: '*' }],
  [false, { kind: 'hang', path: 'v1' }],
  [false, { kind: 'hang', path: '*', status: 500 }],
  [false, { kind: 'status', path: '*', status: 200 }],
  [false, { kind: 'explode', path: '*' }],
  [false, { kind: 'drop', path: '*', count: 0 }],
])('the schema of the document and of the code agree: %s for %j', (allowed, fault) => {
  expect(faultSchema.safeParse(fault).success).toBe(allowed);
  expect(problems(document.components.schemas.Fault, fault).length === 0).toBe(allowed);
});

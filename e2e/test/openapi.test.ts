import type { Express } from 'express';
import {
  apiDocument,
  type MediaType,
  nameOf,
  operations,
  problemsOf,
  resolve,
  type ServerName,
} from '../helpers/apiDocument';
import { createApp } from '../helpers/fakeApps';

interface Layer {
  route?: { path: string; methods: Record<string, boolean> };
  handle: { stack?: Layer[] };
  /** Whether it is mounted at `/`. */
  slash: boolean;
}

/**
 * Every route of an app, as `GET /path/{parameter}`. It leaves out `_all`, which refuses other methods, and HEAD,
 * which is refused or comes with GET.
 */
function routesOf(app: Express): string[] {
  return routesOfStack((app.router as unknown as { stack: Layer[] }).stack);
}

function routesOfStack(stack: readonly Layer[]): string[] {
  return stack.flatMap(({ route, handle, slash }) => {
    if (route) {
      const path = route.path.replace(/:(\w+)/g, '{$1}');
      const methods = Object.keys(route.methods).filter((method) => !['_all', 'head'].includes(method));
      return methods.map((method) => `${method.toUpperCase()} ${path}`);
    }
    if (handle.stack && !slash) throw new Error('this test only supports routers that are mounted at /');
    return routesOfStack(handle.stack ?? []);
  });
}

describe('docs/openapi.yaml and the routes of the apps', () => {
  test.each<ServerName>(['payment-server', 'wallet-server'])(
    'every route of the %s is documented, and every documented route exists',
    (server) => {
      const documented = operations
        .filter((operation) => operation.server === server)
        .map(({ method, path }) => `${method.toUpperCase()} ${path}`);
      const routes = routesOf(createApp(server));
      expect(documented.sort()).toEqual(routes.sort());
      expect(routes.length).toBeGreaterThan(3);
    },
  );
});

describe.each(operations.map((operation) => [nameOf(operation), operation] as const))('%s', (_name, one) => {
  const { operation, path, server, responses, scope } = one;
  const statuses = Object.keys(responses);

  test('has a name, a summary and the tag of its server', () => {
    expect(operation.operationId).toMatch(/^[a-z]\w+$/i);
    expect(operation.summary).toBeTruthy();
    expect(operation.tags).toContain(server);
  });

  test('documents success, a wrong method and an unexpected error', () => {
    expect(statuses).toEqual(expect.arrayContaining(['200', '405', '500']));
  });

  test('declares each parameter of its path', () => {
    const declared = one.parameters.filter((parameter) => parameter.in === 'path' && parameter.required);
    expect(declared.map(({ name }) => `{${name}}`)).toEqual(path.match(/\{\w+\}/g) ?? []);
  });

  test('documents the errors of its kind of operation', () => {
    expect(statuses).toEqual(expect.arrayContaining(errorsOfKind()));
  });

  test('documents the request id header of each answer', () => {
    for (const { headers } of Object.values(responses)) expect(headers).toHaveProperty('X-Request-Id');
  });

  test('documents the challenge of each 401 and the Retry-After of each 429 and 504', () => {
    expect(responses['401']?.headers ?? { 'WWW-Authenticate': {} }).toHaveProperty('WWW-Authenticate');
    for (const status of ['429', '504']) {
      expect(responses[status]?.headers ?? { 'Retry-After': {} }).toHaveProperty('Retry-After');
    }
  });

  function errorsOfKind(): string[] {
    return [
      ...(operation.requestBody ? ['400', '413', '415'] : []),
      ...(scope === undefined ? [] : ['400', '401', '403', '503']),
      ...(scope === 'manage:m2m_clients' ? ['429'] : []),
      ...(scope === 'manage:m2m_clients' && path !== '/rotation-status' ? ['502', '504', 'default'] : []),
      ...(path === '/initiate-payment' ? ['400', '404', '502', '503', '504'] : []),
      ...(path.endsWith('{clientId}') ? ['404'] : []),
      ...(/^\/(start|complete|cancel|rotate)-/.test(path) ? ['404', '409'] : []),
    ];
  }
});

describe('docs/openapi.yaml', () => {
  const nodes = [...walk(apiDocument, '#')];

  test('is OpenAPI 3.1 and gives the address of each server', () => {
    expect(apiDocument.openapi).toMatch(/^3\.1\.\d+$/);
    expect(apiDocument.servers.map(({ url, description }) => [description, url])).toEqual([
      ['payment-server', 'http://localhost:6000'],
      ['wallet-server', 'http://localhost:4000'],
    ]);
    for (const { servers } of Object.values(apiDocument.paths)) expect(servers).not.toHaveLength(0);
  });

  test('has no broken reference and no unused component', () => {
    const references = nodes.flatMap(([, node]) => ('$ref' in node ? [String(node.$ref)] : []));
    for (const $ref of references) expect(resolve<unknown>({ $ref })).toBeDefined();
    const components = Object.entries(apiDocument.components)
      .filter(([kind]) => kind !== 'securitySchemes')
      .flatMap(([kind, members]) => Object.keys(members).map((name) => `#/components/${kind}/${name}`));
    expect([...new Set(references)].sort()).toEqual(components.sort());
  });

  test('gives each operation a unique id', () => {
    const ids = Object.values(apiDocument.paths).flatMap((item) =>
      Object.values(item).flatMap(({ operationId }) => operationId ?? []),
    );
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('uses only tags, security schemes and scopes that it declares', () => {
    const tags = apiDocument.tags.map(({ name }) => name);
    const { securitySchemes } = apiDocument.components;
    for (const { operation } of operations) {
      expect(tags).toEqual(expect.arrayContaining(operation.tags ?? []));
      for (const requirement of operation.security ?? []) {
        for (const [scheme, scopes] of Object.entries(requirement)) {
          const declared = securitySchemes[scheme]?.flows?.clientCredentials.scopes ?? {};
          expect(securitySchemes).toHaveProperty(scheme);
          expect(Object.keys(declared)).toEqual(expect.arrayContaining(scopes));
        }
      }
    }
  });

  test('says whether each operation needs an access token', () => {
    for (const { operation } of operations) expect(operation.security).toBeDefined();
  });

  test('has examples that are valid under its schemas', () => {
    const bodies = nodes.flatMap(([where, node]) =>
      'examples' in node ? [[where, node as MediaType] as const] : [],
    );
    expect(bodies.length).toBeGreaterThan(20);
    for (const [where, { schema = true, examples = {} }] of bodies) {
      for (const [name, { value }] of Object.entries(examples)) {
        expect([where, name, problemsOf(schema, value)]).toEqual([where, name, []]);
      }
    }
  });
});

/** Every object of the document, with its path. */
function* walk(node: unknown, where: string): Generator<[string, Readonly<Record<string, unknown>>]> {
  if (typeof node !== 'object' || node === null) return;
  if (!Array.isArray(node)) yield [where, node as Readonly<Record<string, unknown>>];
  for (const [name, child] of Object.entries(node)) yield* walk(child, `${where}/${name}`);
}

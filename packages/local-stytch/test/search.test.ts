import type { Client } from 'stytch';
import { expectStytchError, startLocalStytch, type TestStytch } from './localStytch';

let stytch: TestStytch;
let sdk: Client;
beforeAll(async () => {
  stytch = await startLocalStytch();
  sdk = stytch.sdk();
});
afterAll(() => stytch.close());

type Search = Parameters<Client['m2m']['clients']['search']>[0];
type Operands = NonNullable<Search['query']>['operands'];

async function found(operator: 'AND' | 'OR', operands: Operands): Promise<string[]> {
  const { m2m_clients, results_metadata } = await sdk.m2m.clients.search({ query: { operator, operands } });
  expect(results_metadata).toEqual({ total: m2m_clients.length, next_cursor: null });
  return m2m_clients.map(({ client_id }) => client_id);
}

describe('among five clients', () => {
  beforeEach(async () => {
    await stytch.admin('POST', '/reset');
    for (const [client_id, client_name, ...scopes] of [
      ['one', 'reader', 'read:users'],
      ['two', 'writer', 'write:users'],
      ['three', 'writer', 'read:users', 'write:users'],
    ] as const) {
      await sdk.m2m.clients.create({ client_id, client_name, scopes: [...scopes] });
    }
  });

  test.each<[string, Search]>([
    ['no query', {}],
    ['no operands', { query: { operator: 'AND', operands: [] } }],
    ['null for query and cursor', { query: null, cursor: null } as unknown as Search],
  ])('%s finds all clients, in the order of creation', async (_what, search) => {
    const answer = await sdk.m2m.clients.search(search);

    const { clientId, operatorClientId } = stytch.seed;
    expect(answer.m2m_clients.map(({ client_id }) => client_id)).toEqual([
      clientId,
      operatorClientId,
      'one',
      'two',
      'three',
    ]);
    expect(answer.results_metadata).toEqual({ total: 5, next_cursor: null });
  });

  test('each filter finds its clients', async () => {
    expect(
      await found('AND', [{ filter_name: 'client_id', filter_value: ['one', 'three', 'nobody'] }]),
    ).toEqual(['one', 'three']);
    expect(await found('AND', [{ filter_name: 'client_name', filter_value: ['writer'] }])).toEqual([
      'two',
      'three',
    ]);
    expect(await found('AND', [{ filter_name: 'scopes', filter_value: ['write:users'] }])).toEqual([
      'two',
      'three',
    ]);
  });

  test('a name matches as a whole, and its case counts', async () => {
    expect(
      await found('OR', [{ filter_name: 'client_name', filter_value: ['write', 'Writer', 'writer '] }]),
    ).toEqual([]);
  });

  test('AND needs all operands, OR needs one', async () => {
    const operands: Operands = [
      { filter_name: 'client_name', filter_value: ['writer'] },
      { filter_name: 'scopes', filter_value: ['read:users'] },
    ];

    expect(await found('AND', operands)).toEqual(['three']);
    expect(await found('OR', operands)).toEqual([stytch.seed.clientId, 'one', 'two', 'three']);
  });

  test('cursors lead to each client once, even when clients are created or deleted between two pages', async () => {
    const first = await sdk.m2m.clients.search({ limit: 2 });
    await sdk.m2m.clients.delete({ client_id: stytch.seed.clientId });
    const second = await sdk.m2m.clients.search({ limit: 2, cursor: first.results_metadata.next_cursor! });
    const third = await sdk.m2m.clients.search({ limit: 2, cursor: second.results_metadata.next_cursor! });

    expect(first.m2m_clients.map(({ client_name }) => client_name)).toEqual(['payment-service', 'operator']);
    expect(first.results_metadata).toEqual({ total: 5, next_cursor: expect.any(String) });
    expect(second.m2m_clients.map(({ client_id }) => client_id)).toEqual(['one', 'two']);
    expect(third.m2m_clients.map(({ client_id }) => client_id)).toEqual(['three']);
    expect(third.results_metadata).toEqual({ total: 4, next_cursor: null });
  });

  test('the last page has no cursor, even when it is full', async () => {
    const answer = await sdk.m2m.clients.search({ limit: 5 });

    expect(answer.m2m_clients).toHaveLength(5);
    expect(answer.results_metadata.next_cursor).toBeNull();
  });

  test('a page has 100 clients by default', async () => {
    const template = stytch.state.clients.get('one')!;
    for (let sequence = 10; sequence < 110; sequence++) {
      const clientId = `many-${sequence}`;
      stytch.state.clients.set(clientId, { ...template, clientId, sequence });
    }

    const answer = await sdk.m2m.clients.search({});

    expect(answer.m2m_clients).toHaveLength(100);
    expect(answer.results_metadata).toEqual({ total: 105, next_cursor: expect.any(String) });
  });
});

test.each<[string, unknown, string]>([
  ['no filter_name', [{ filter_value: ['x'] }], 'm2m_search_missing_filter_name'],
  [
    'a numeric filter_name',
    [{ filter_name: 7, filter_value: ['x'] }],
    'm2m_search_filter_name_must_be_string',
  ],
  [
    'an unknown filter_name',
    [{ filter_name: 'status', filter_value: ['x'] }],
    'm2m_search_filter_name_not_recognized',
  ],
  ['no filter_value', [{ filter_name: 'scopes' }], 'm2m_search_missing_filter_value'],
  [
    'a filter_value that is no list',
    [{ filter_name: 'scopes', filter_value: 'x' }],
    'm2m_search_expected_array_of_strings',
  ],
  [
    'a filter_value with a number',
    [{ filter_name: 'scopes', filter_value: [7] }],
    'm2m_search_expected_array_of_strings',
  ],
  ['an operand that is no object', ['x'], 'invalid_search_query'],
  ['operands that are no list', {}, 'invalid_search_query'],
])('%s is refused', async (_what, operands, errorType) => {
  const query = { operator: 'AND', operands: operands as Operands };

  await expectStytchError(sdk.m2m.clients.search({ query }), 400, errorType);
});

test.each<[string, unknown, string]>([
  ['another operator', { query: { operator: 'XOR', operands: [] } }, 'invalid_search_query'],
  [
    'operands without an operator',
    { query: { operands: [{ filter_name: 'scopes', filter_value: ['x'] }] } },
    'invalid_search_query',
  ],
  ['a query that is no object', { query: 'x' }, 'invalid_search_query'],
  ['a limit of 0', { limit: 0 }, 'invalid_search_limit'],
  ['a limit of 1001', { limit: 1001 }, 'invalid_search_limit'],
  ['a limit with a fraction', { limit: 1.5 }, 'invalid_search_limit'],
  ['an invented cursor', { cursor: 'invented' }, 'invalid_search_cursor'],
  ['a numeric cursor', { cursor: 7 }, 'invalid_search_cursor'],
])('%s is refused', async (_what, search, errorType) => {
  await expectStytchError(sdk.m2m.clients.search(search as Search), 400, errorType);
});

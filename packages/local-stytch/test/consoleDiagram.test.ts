import { createDiagram, type Diagram, type Row } from '../console/flow/diagram';
import { explain } from '../console/flow/explain';
import { serviceAt } from '../console/flow/serviceAt';
import { spanTree } from '../console/flow/spanTree';
import type { Span } from '../src/traces';

function span(id: string, parent: string | null, more: Partial<Span> = {}): Span {
  return {
    trace_id: '0af7651916cd43dd8448eb211c80319c',
    span_id: id,
    parent_span_id: parent,
    service: 'orders',
    name: 'GET /orders',
    kind: 'server',
    start_milliseconds: 1_000,
    duration_milliseconds: 10,
    attributes: {},
    status: { code: 'unset', message: null },
    ...more,
  };
}

const status = (code: number) => ({ 'http.response.status_code': code });
const failed = (message: string) => ({ code: 'error' as const, message });

/** A payment of this repository's services. */
function payment(source: 'cache' | 'issued', walletStatus = 200): Span[] {
  const [payments, wallet] = [{ service: 'payment-server' }, { service: 'wallet-server' }];
  const token = span('token', 'pay', {
    ...payments,
    kind: 'internal',
    name: 'getAccessToken',
    attributes: { 'access_token.source': source },
    start_milliseconds: 1_002,
    duration_milliseconds: source === 'cache' ? 0.1 : 8,
  });
  const request = span('request', 'token', {
    ...payments,
    kind: 'client',
    name: 'token request',
    attributes: status(200),
    start_milliseconds: 1_003,
    duration_milliseconds: 6,
  });
  const issue = span('issue', 'request', {
    service: 'local-stytch',
    name: 'POST /v1/public/:projectId/oauth2/token',
    attributes: status(200),
    start_milliseconds: 1_004,
    duration_milliseconds: 4,
  });
  const authorize = span('authorize', 'wallet', {
    ...wallet,
    kind: 'internal',
    name: 'authorizeToken',
    attributes: {
      'authorization.required_scopes': 'read:users',
      'authorization.token_cached': false,
      'authorization.outcome': walletStatus === 200 ? 'allowed' : 'insufficient_scope',
    },
    start_milliseconds: 1_014,
    ...(walletStatus !== 200 && { status: failed('Forbidden') }),
  });
  const [server, client] = ['wallet', 'try'].map((id) =>
    span(id, id === 'wallet' ? 'try' : 'balance', {
      ...(id === 'wallet' ? { ...wallet, kind: 'server' } : { ...payments, kind: 'client' }),
      name: 'POST /api/check-balance',
      attributes: status(walletStatus),
      start_milliseconds: id === 'wallet' ? 1_013 : 1_012,
    }),
  ) as [Span, Span];
  return [
    span('call', null, {
      service: 'caller',
      kind: 'client',
      name: 'GET /initiate-payment',
      attributes: status(200),
      duration_milliseconds: 30,
    }),
    span('pay', 'call', { ...payments, name: 'GET /initiate-payment', start_milliseconds: 1_001 }),
    token,
    ...(source === 'issued' ? [request, issue] : []),
    span('balance', 'pay', {
      ...payments,
      kind: 'internal',
      name: 'checkBalance',
      start_milliseconds: 1_011,
    }),
    client,
    server,
    authorize,
  ];
}

function show(row: Row): string {
  if (row.kind === 'note') return `${row.at.id}: ${row.label}`;
  const arrow = `${row.from.id} ${row.kind === 'call' ? '->' : '-->'} ${row.to.id}`;
  return row.kind === 'call' ? `${arrow}: ${row.label}` : `${arrow}: ${row.status ?? 'none'} ${row.outcome}`;
}

const shown = (diagram: Diagram) => diagram.rows.map(show);
const ids = ({ participants }: Diagram) => participants.map(({ id }) => id);

describe('The sequence diagram of a payment', () => {
  test('When Stytch issues a token, then it is between the services that need it', () => {
    const diagram = createDiagram(payment('issued'));

    expect(ids(diagram)).toEqual(['caller', 'payment-server', 'local-stytch', 'wallet-server']);
    expect(shown(diagram)).toEqual([
      'caller -> payment-server: GET /initiate-payment',
      'payment-server -> local-stytch: token request',
      'local-stytch --> payment-server: 200 succeeded',
      'payment-server: New access token, now in the cache',
      'payment-server -> wallet-server: POST /api/check-balance',
      'wallet-server: Token accepted: verified now',
      'wallet-server --> payment-server: 200 succeeded',
      'payment-server --> caller: 200 succeeded',
    ]);
    expect(diagram.participants[2]?.label).toBe('Stytch (local-stytch)');
  });

  test('When spans arrive in another order, or twice, then the diagram is the same', () => {
    const spans = payment('issued');

    expect(createDiagram([...spans, ...spans].reverse())).toEqual(createDiagram(spans));
  });

  test('When the token comes from the cache, then the sentences say why it is faster', () => {
    const sentences = explain(createDiagram(payment('cache')));

    expect(sentences[0]).toBe(
      'The payment-server took its access token from its cache, so Stytch was not asked.',
    );
    expect(sentences.at(-1)).toMatch(
      /^The payment-server answered GET \/initiate-payment with 200 after 30\sms\.$/,
    );
  });

  test('When the scope is missing, then note and sentence say what a 403 is', () => {
    const diagram = createDiagram(payment('cache', 403));

    expect(diagram.rows).toContainEqual(
      expect.objectContaining({
        kind: 'note',
        label: 'Refused: insufficient_scope',
        outcome: 'refused',
        reason: 'the token lacks read:users',
      }),
    );
    expect(explain(diagram)).toContain(
      'The wallet-server refused the call: 403, insufficient_scope: the token lacks read:users. ' +
        'A 403 means: the caller is known, but may not do this.',
    );
  });
});

describe('The sequence diagram of a rotation', () => {
  test.each([
    [
      'start',
      undefined,
      'Rotation started: both secrets work, so no call fails while one replaces the other.',
    ],
    [
      'complete',
      undefined,
      'Rotation completed: only the new secret works for new tokens. ' +
        'Tokens that were issued before are valid until they expire.',
    ],
    ['constructor', undefined, 'rotation: constructor.'],
    ['start', 'no rotation.', 'Rotation failed: start: no rotation.'],
  ])(
    'When the step is %s and the error is %j, then the sentence says what it does',
    (step, error, sentence) => {
      const rotation = span('a', null, {
        kind: 'internal',
        name: `rotation: ${step}`,
        ...(error !== undefined && { status: failed(error) }),
      });

      expect(explain(createDiagram([rotation]))).toEqual([sentence]);
    },
  );
});

describe('Any other trace', () => {
  test('When the caller sends no span, then a server span without a parent is its call', () => {
    expect(shown(createDiagram([span('a', 'elsewhere', { attributes: status(503) })]))).toEqual([
      'caller -> orders: GET /orders',
      'orders --> caller: 503 failed',
    ]);
  });

  test('When a server has sent no span, then the address gives its name, or is the name', () => {
    const call = span('a', null, {
      kind: 'client',
      name: 'GET /stock',
      attributes: {
        'url.full': 'http://127.0.0.1:4000/stock',
        'server.address': '127.0.0.1',
        'server.port': 4000,
      },
      status: failed('ECONNREFUSED'),
    });
    const known = serviceAt({
      base_url: 'http://localhost:5005',
      services: [{ name: 'stock', url: 'http://localhost:4000' }],
    });

    expect(ids(createDiagram([call], known))).toEqual(['orders', 'stock']);
    expect(ids(createDiagram([call]))).toEqual(['orders', '127.0.0.1:4000']);
    expect(explain(createDiagram([call], known))).toEqual([
      'Stock gave orders no answer to GET /stock (ECONNREFUSED).',
    ]);
  });

  test('When a client span has no path in its name, then the call has the name of the server span', () => {
    const spans = [
      span('a', null, { kind: 'client', name: 'GET' }),
      span('b', 'a', { service: 'stock', name: 'GET /stock' }),
    ];

    expect(shown(createDiagram(spans))[0]).toBe('orders -> stock: GET /stock');
  });

  test('When the clock of a service is behind, then none of its rows is before its call', () => {
    const spans = [
      span('a', null, { kind: 'client', start_milliseconds: 1_000 }),
      span('b', 'a', { service: 'stock', start_milliseconds: 900 }),
      span('c', 'b', { service: 'stock', kind: 'client', name: 'GET /x', start_milliseconds: 901 }),
    ];

    const times = createDiagram(spans).rows.map(({ atMilliseconds }) => atMilliseconds);
    expect(Math.min(...times)).toBe(times[0]);
  });

  test('When spans are their own parents, or each other’s, then all of them are walked once', () => {
    const spans = [span('self', 'self'), span('a', 'b'), span('b', 'c'), span('c', 'a')];

    expect(spanTree(spans).map(({ span: { span_id: id } }) => id)).toEqual(['self', 'a', 'c', 'b']);
    expect(createDiagram(spans).rows.length).toBeGreaterThan(0);
  });

  test('When a trace is a chain of 1,000 spans, or has none, then there is a diagram', () => {
    const chain = Array.from({ length: 1_000 }, (_, index) =>
      span(`${index}`, index === 0 ? null : `${index - 1}`, { service: `service ${index}` }),
    );

    expect(createDiagram(chain).rows).toHaveLength(2_000);
    expect(createDiagram([])).toEqual({ participants: [], rows: [] });
  });

  test('When names and attributes are hostile, then they are texts of the diagram', () => {
    const name = '<script>alert(1)</script>';
    const spans = [
      span('a', null, { service: '__proto__', name, attributes: { 'http.response.status_code': '200' } }),
      span('b', 'a', {
        service: '__proto__',
        kind: 'internal',
        name: 'authorizeToken',
        status: failed(name),
      }),
      span('c', 'a', {
        service: 'constructor',
        kind: 'internal',
        name: 'getAccessToken',
        attributes: { 'access_token.source': 'constructor' },
      }),
    ];

    const diagram = createDiagram(spans);
    expect(ids(diagram)).toEqual(['caller', '__proto__', 'constructor']);
    expect(diagram.rows[0]).toMatchObject({ label: name });
    expect(explain(diagram).join(' ')).toContain(name);
  });
});

import { type Client, RequestError } from 'stytch';
import {
  basic,
  expectRefusal,
  expectStytchError,
  rejection,
  startLocalStytch,
  type TestStytch,
} from './localStytch';

let stytch: TestStytch;
let sdk: Client;
let token: () => Promise<unknown>;
beforeAll(async () => {
  stytch = await startLocalStytch();
  sdk = stytch.sdk();
  const { clientId, clientSecret } = stytch.seed;
  token = () => sdk.m2m.token({ client_id: clientId, client_secret: clientSecret });
});
beforeEach(() => stytch.admin('POST', '/reset'));
afterAll(() => stytch.close());

function fault(body: object) {
  return stytch.admin('POST', '/faults', body);
}

function get(path: string): Promise<Response> {
  return fetch(stytch.url + path);
}

test('a fault is listed with its hits until it is removed', async () => {
  const { fault: added } = await fault({ kind: 'status', path: '/v1/*', status: 503, count: 3 });
  await get('/v1/nothing');

  const { faults } = await stytch.admin('GET', '/faults');

  expect(added).toMatchObject({
    kind: 'status',
    path: '/v1/*',
    status: 503,
    count: 3,
    hits: 0,
    remaining: 3,
  });
  expect(faults).toEqual([{ ...added, hits: 1, remaining: 2 }]);
  expect(await stytch.admin('DELETE', '/faults')).toMatchObject({ faults: [] });
  expect((await get('/v1/nothing')).status).toBe(404);
});

test('a fault applies as often as its count, and without one to all requests', async () => {
  await fault({ kind: 'status', path: '*', status: 500, count: 2 });
  await fault({ kind: 'status', path: '/v1/b', status: 502 });

  const statuses = [];
  for (const path of ['/v1/a', '/v1/b', '/v1/a', '/v1/b', '/v1/b']) statuses.push((await get(path)).status);

  expect(statuses).toEqual([500, 500, 404, 502, 502]);
  const { faults } = await stytch.admin('GET', '/faults');
  expect(faults).toMatchObject([
    { hits: 2, remaining: 0 },
    { hits: 2, remaining: null },
  ]);
});

test('a fault applies to its path and method only, and never to the admin API', async () => {
  await fault({ kind: 'status', path: '/v1/a*', status: 500 });
  await fault({ kind: 'status', path: '/v1/b', status: 501 });
  await fault({ kind: 'status', path: '*', method: 'DELETE', status: 502 });

  const statuses = [];
  for (const path of ['/v1/a', '/v1/ab', '/v1/b?x=1', '/v1/bc', '/v1/c'])
    statuses.push((await get(path)).status);
  statuses.push((await fetch(`${stytch.url}/v1/c`, { method: 'DELETE' })).status);

  expect(statuses).toEqual([500, 500, 501, 404, 404, 502]);
  await stytch.admin('DELETE', '/faults');
});

test.each([
  [429, 'too_many_requests'],
  [500, 'internal_server_error'],
  [503, 'injected_fault'],
])('status %i has the form of Stytch, with Retry-After if it is given', async (status, errorType) => {
  await fault({ kind: 'status', path: '*', status, retry_after_seconds: 2, count: 1 });
  await fault({ kind: 'status', path: '*', status });

  const first = await get('/v1/nothing');

  expect(first.headers.get('retry-after')).toBe('2');
  await expectRefusal(first, status, errorType);
  const second = await get('/v1/nothing');
  expect(second.headers.get('retry-after')).toBeNull();
  await expectStytchError(token(), status, errorType);
});

test('a delay postpones the ordinary answer, and several add up', async () => {
  await fault({ kind: 'delay', path: '*', milliseconds: 60 });
  await fault({ kind: 'delay', path: '*', milliseconds: 60 });
  const started = performance.now();

  await token();

  expect(performance.now() - started).toBeGreaterThan(115);
});

test('a delay comes before another fault', async () => {
  await fault({ kind: 'delay', path: '*', milliseconds: 60 });
  await fault({ kind: 'status', path: '*', status: 500 });
  const started = performance.now();

  await expectStytchError(token(), 500, 'internal_server_error');

  expect(performance.now() - started).toBeGreaterThan(55);
});

test('a request whose caller disconnects during a delay does nothing', async () => {
  await fault({ kind: 'delay', path: '*', method: 'DELETE', milliseconds: 600_000 });
  const { clientId, projectId, projectSecret } = stytch.seed;
  const caller = new AbortController();
  const leaving = rejection(
    fetch(`${stytch.url}/v1/m2m/clients/${clientId}`, {
      method: 'DELETE',
      headers: basic(projectId, projectSecret),
      signal: caller.signal,
    }),
  );
  await untilLogged(1);

  caller.abort();

  await leaving;
  // Each of these takes as long as the deletion would.
  for (let i = 0; i < 3; i++) await token();
});

test('a request that hangs is never answered, even when the faults are gone', async () => {
  await fault({ kind: 'hang', path: '*', count: 1 });
  const caller = new AbortController();
  const hanging = rejection(fetch(`${stytch.url}/v1/nothing`, { signal: caller.signal }));
  await untilLogged(1);
  await stytch.admin('DELETE', '/faults');

  await token();

  const { requests } = await stytch.admin('GET', '/requests');
  expect(requests).toMatchObject([{ status: null }, { status: 200 }]);
  caller.abort();
  expect(await hanging).toMatchObject({ name: 'AbortError' });
});

test('an answer that stalls begins and never ends', async () => {
  await fault({ kind: 'stall', path: '*', count: 1 });
  const caller = new AbortController();

  const response = await fetch(`${stytch.url}/v1/nothing`, { signal: caller.signal });
  const reader = response.body!.getReader();
  const { value } = await reader.read();
  const rest = rejection(reader.read());
  await token();

  expect(response.status).toBe(200);
  expect(Buffer.from(value as Uint8Array).toString()).toBe('{"status_code":200,');
  caller.abort();
  expect(await rest).toMatchObject({ name: 'AbortError' });
});

test('a dropped request is a network error and does nothing', async () => {
  await fault({ kind: 'drop', path: '*', count: 1 });

  const error = await rejection(sdk.m2m.clients.delete({ client_id: stytch.seed.clientId }));

  expect(error).toBeInstanceOf(RequestError);
  expect(stytch.state.clients.has(stytch.seed.clientId)).toBe(true);
  await token();
});

test('a dropped answer is a network error after the operation', async () => {
  await fault({ kind: 'drop_answer', path: '*', count: 1 });
  const client_id = stytch.seed.clientId;

  const error = await rejection(sdk.m2m.clients.secrets.rotateStart({ client_id }));

  expect(error).toBeInstanceOf(RequestError);
  const { m2m_client } = await sdk.m2m.clients.get({ client_id });
  expect(m2m_client.next_client_secret_last_four).toMatch(/^[\w-]{4}$/);
});

test.each([200, 502])('an answer can be HTML with status %i', async (status) => {
  await fault({ kind: 'not_json', path: '*', status });

  const response = await get('/v1/nothing');

  expect(response.status).toBe(status);
  expect(response.headers.get('content-type')).toMatch(/^text\/html/);
  expect(await rejection(token())).toBeInstanceOf(RequestError);
});

async function untilLogged(count: number): Promise<void> {
  let total = 0;
  while (total < count) ({ total } = (await stytch.admin('GET', '/requests')).counts as { total: number });
}

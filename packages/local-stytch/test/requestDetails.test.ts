import { createSecret } from '../src/secrets';
import { basic, expectRefusal, type Json, startLocalStytch, type TestStytch, tokenUrl } from './localStytch';

let stytch: TestStytch;
beforeAll(async () => {
  stytch = await startLocalStytch();
});
beforeEach(() => stytch.admin('POST', '/reset'));
afterAll(() => stytch.close());

const asJson = { 'Content-Type': 'application/json' };

/** The details of the last request, once it is answered. */
async function last(): Promise<Json> {
  for (;;) {
    const { requests } = await stytch.admin('GET', '/requests');
    const [entry] = (requests as Json[]).slice(-1);
    if (entry?.duration_milliseconds !== null) return stytch.admin('GET', `/requests/${entry.id}`);
  }
}

describe('The details of a request', () => {
  test('When a token is requested, then headers and bodies are shown, without secret and token', async () => {
    const { clientId, clientSecret } = stytch.seed;
    const form = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret };
    const answer = await stytch.token(form, { 'X-Custom': '<script>alert(1)</script>' });
    const { access_token } = (await answer.json()) as { access_token: string };

    const details = await last();

    expect(details).toMatchObject({
      request: { status: 200, client_id: clientId },
      received: {
        headers: {
          'content-type': 'application/x-www-form-urlencoded;charset=UTF-8',
          'x-custom': '<script>alert(1)</script>',
        },
        query: null,
        body: `grant_type=client_credentials&client_id=${clientId}&client_secret=••••`,
      },
      answered: { headers: { 'cache-control': 'no-store' } },
    });
    expect(JSON.parse(details.answered.body)).toEqual({
      status_code: 200,
      request_id: expect.any(String),
      access_token: '••••',
      token_type: 'bearer',
      expires_in: 3600,
    });
    expect(JSON.stringify(details)).not.toContain(clientSecret);
    expect(JSON.stringify(details)).not.toContain(access_token);
  });

  test('When credentials are in the Authorization header, then the client id is shown', async () => {
    await stytch.token({ grant_type: 'client_credentials' }, basic('my-client', 'a wrong secret'));

    expect((await last()).received.headers.authorization).toBe('Basic my-client:••••');
  });

  test('When a request is in progress, then its headers are shown', async () => {
    await stytch.admin('POST', '/faults', { kind: 'hang', path: '/v1/hangs' });
    const leave = new AbortController();
    const hanging = fetch(`${stytch.url}/v1/hangs?a=1`, { signal: leave.signal }).catch(() => undefined);
    let requests: Json[] = [];
    while (requests.length === 0) ({ requests } = (await stytch.admin('GET', '/requests')) as Json);

    expect(await stytch.admin('GET', `/requests/${requests[0].id}`)).toMatchObject({
      request: { status: null },
      received: { query: 'a=1', body: null },
      answered: null,
    });
    leave.abort();
    await hanging;
    expect(await last()).toMatchObject({ request: { status: null }, answered: null });
  });

  test('When a fault answers with a page, then the page is shown', async () => {
    await stytch.admin('POST', '/faults', { kind: 'not_json', path: '*' });
    await fetch(`${stytch.url}/v1/anything`);

    expect((await last()).answered.body).toBe('<html><body>Not what you expected.</body></html>');
  });

  test('When a body is long, then it is cut after 8,000 characters', async () => {
    const body = JSON.stringify({ scopes: [], ignored: 'x'.repeat(50_000) });
    const headers = { ...asJson, ...basic(stytch.seed.projectId, stytch.seed.projectSecret) };
    await fetch(`${stytch.url}/v1/m2m/clients`, { method: 'POST', headers, body });

    expect((await last()).received.body).toHaveLength(8_001);
  });

  test('When 1,000 requests follow, then it has no details any more', async () => {
    await fetch(`${stytch.url}/v1/first`);
    const { id } = (await last()).request as { id: number };
    for (let count = 0; count < 1_000; count += 50) {
      await Promise.all(Array.from({ length: 50 }, () => fetch(`${stytch.url}/v1/next`)));
    }

    await expectRefusal(await fetch(`${stytch.url}/local/requests/${id}`), 404, 'request_not_found');
    expect((await stytch.admin('GET', `/requests/${id + 1}`)).request).toMatchObject({ path: '/v1/next' });
    expect((await stytch.admin('GET', '/requests')).requests[0]).toMatchObject({ id });
  });

  test.each(['x', '0', '-1', '1e999', '%00'])('When the id is %s, then it is answered 404', async (id) => {
    await expectRefusal(await fetch(`${stytch.url}/local/requests/${id}`), 404, 'request_not_found');
  });
});

test('When secrets are everywhere in requests, then no answer for the page has one', async () => {
  const { clientId, clientSecret, projectId, projectSecret } = stytch.seed;
  const made = await stytch.admin('POST', '/tokens');
  const jwt = made.access_token as string;
  const own = createSecret();
  const secrets = [clientSecret, projectSecret, own, jwt];
  const project = basic(projectId, projectSecret);
  const send = (path: string, body: unknown, headers: Record<string, string> = {}, method = 'POST') =>
    fetch(stytch.url + path, {
      method,
      body: typeof body === 'string' ? body : JSON.stringify(body),
      headers: { ...asJson, ...headers },
    });
  const token = tokenUrl(stytch.url, stytch.seed).slice(stytch.url.length);
  for (const secret of secrets) {
    const grant = { grant_type: 'client_credentials', client_id: clientId };
    await stytch.token({ ...grant, client_secret: secret });
    await stytch.token({ ...grant, client_id: secret, client_secret: secret });
    await stytch.token({ grant_type: 'client_credentials' }, basic(clientId, secret));
    await send(token, { ...grant, client_secret: secret });
    await send(token, grant, {
      Authorization: `Bearer ${secret}`,
      Cookie: `a=${secret}`,
      'X-Api-Key': secret,
    });
    await send(`${token}?client_secret=${secret}&access_token=${secret}`, grant);
    await fetch(`${stytch.url}/v1/nothing?a=${jwt}`, { headers: { 'X-Forwarded': jwt } });
    await fetch(`${stytch.url}/v1/nothing/${secret}`);
    await send(
      '/v1/m2m/clients',
      { scopes: [], client_secret: secret, trusted_metadata: { a_token: secret } },
      project,
    );
  }
  await send(`/v1/m2m/clients/${clientId}/secrets/rotate/start`, '{}', project);
  await send(`/v1/m2m/clients/${clientId}/secrets/rotate`, '{}', project);

  const { requests } = await stytch.admin('GET', '/requests');
  const answers: Json[] = [requests];
  for (const { id } of requests) answers.push(await stytch.admin('GET', `/requests/${id}`));
  const { traces } = await stytch.admin('GET', '/traces');
  for (const { trace_id } of traces) answers.push(await stytch.admin('GET', `/traces/${trace_id}`));
  const { tokens } = await stytch.admin('GET', '/tokens');
  for (const { id } of tokens) answers.push(await stytch.admin('GET', `/tokens/${id}`));
  for (const path of ['/traces', '/tokens', '/console', '/faults', '/health']) {
    answers.push(await stytch.admin('GET', path));
  }

  expect(answers.length).toBeGreaterThan(40);
  const text = JSON.stringify(answers);
  for (const secret of secrets) {
    expect(text.includes(secret)).toBe(false);
    expect(text.includes(Buffer.from(`${clientId}:${secret}`).toString('base64'))).toBe(false);
  }
  // Every issued token has this beginning.
  expect(text).not.toMatch(/"[^"]*eyJ[\w-]{10,}\.[\w-]+\.[\w-]{10,}/);
});

import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { CertificateAuthority } from '../../../certificates/src';
import type { CallResult, ListedToken, ServiceCall } from '../../src/consoleApi';
import type { Span } from '../../src/traces';
import { temporaryFolder } from '../folder';
import { decode, expectRefusal, type Json, startLocalStytch, type TestStytch } from '../localStytch';

interface Received {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  body: string;
}

const folder = temporaryFolder();
let stytch: TestStytch;
let service: Server;
let received: Received[] = [];
/** How the service answers. */
let answer: RequestListener;
beforeAll(async () => {
  stytch = await startLocalStytch();
  service = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      received.push({ method, url, headers, body: Buffer.concat(chunks).toString() });
      answer(request, response);
    });
  });
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
  stytch.emulator.content.services = [{ name: 'orders', url: urlOf(service) }];
});
beforeEach(async () => {
  received = [];
  answer = (_request, response) => response.setHeader('content-type', 'application/json').end('{"ok":true}');
  await stytch.admin('POST', '/reset');
});
afterAll(async () => {
  await stytch.close();
  service.closeAllConnections();
  await new Promise((resolve) => service.close(resolve));
});

function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const call = async (wanted: Partial<ServiceCall> = {}) =>
  (await stytch.admin('POST', '/calls', {
    service: 'orders',
    method: 'GET',
    path: '/orders',
    ...wanted,
  })) as unknown as CallResult;

/** Makes the service answer with JSON. */
function answerWith(body: unknown, status = 200): void {
  answer = (_request, response) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

describe('A call of a service', () => {
  test('When it answers, then the answer is shown, and the span of the caller is the first of the trace', async () => {
    answerWith({ error: 'no' }, 403);

    const result = await call({ method: 'POST', path: '/orders/7?secret=x', body: { amount: 1 } });

    expect(result).toMatchObject({
      status: 403,
      error: null,
      duration_milliseconds: expect.any(Number),
      headers: { 'content-type': 'application/json' },
      body: '{"error":"no"}',
    });
    expect(received).toMatchObject([
      {
        method: 'POST',
        url: '/orders/7?secret=x',
        body: '{"amount":1}',
        headers: { 'content-type': 'application/json' },
      },
    ]);
    const { spans } = await stytch.admin('GET', `/traces/${result.trace_id}`);
    expect(spans).toMatchObject([
      {
        service: 'caller',
        name: 'POST /orders/7',
        kind: 'client',
        parent_span_id: null,
        attributes: { 'http.response.status_code': 403, 'http.request.method': 'POST' },
        status: { code: 'unset', message: null },
      },
    ]);
    expect(received[0]?.headers.traceparent).toBe(`00-${result.trace_id}-${spans[0].span_id}-01`);
  });

  test('When it names a trace, then it belongs to that', async () => {
    const trace_id = '0af7651916cd43dd8448eb211c80319c';

    expect((await call({ trace_id })).trace_id).toBe(trace_id);
    expect(received[0]?.headers.traceparent).toContain(trace_id);
  });

  test('When it is of the emulator itself, then its request is a child of the span', async () => {
    const path = `/v1/sessions/jwks/${stytch.seed.projectId}`;

    const result = await call({ service: 'local-stytch', path });

    expect(result.status).toBe(200);
    let spans: Span[] = [];
    while (spans.length < 2) ({ spans } = (await stytch.admin('GET', `/traces/${result.trace_id}`)) as Json);
    expect(spans.map((span) => span.service)).toEqual(['caller', 'local-stytch']);
    expect(spans[1]?.parent_span_id).toBe(spans[0]?.span_id);
  });

  test('When the service redirects, then that is the answer', async () => {
    answer = (_request, response) => response.writeHead(302, { location: 'http://evil.example/' }).end();

    expect(await call()).toMatchObject({
      status: 302,
      headers: { location: 'http://evil.example/' },
      body: '',
    });
    expect(received).toHaveLength(1);
  });

  test('When the answer is endless, then its beginning is shown, and the connection is closed', async () => {
    let closed: Promise<unknown> = Promise.resolve();
    answer = (_request, response) => {
      closed = once(response, 'close');
      const send = () => {
        while (response.write('x'.repeat(10_000)));
      };
      response.on('drain', send);
      send();
    };

    const { body, status } = await call();

    expect([status, body.length]).toEqual([200, 16_001]);
    await closed;
  });

  test.each([
    ['is down', () => undefined, 'down', /does not listen/],
    ['hangs up', () => (answer = (request) => request.socket.destroy()), 'orders', /hang up/],
    [
      'hangs up in the middle',
      () =>
        (answer = (request, response) => {
          response.write('half', () => request.socket.destroy());
        }),
      'orders',
      /aborted|terminated/,
    ],
    [
      'does not speak HTTP',
      () => (answer = (request) => request.socket.end('no http\r\n\r\n')),
      'orders',
      /Parse Error/,
    ],
  ])('When the service %s, then the result has the error', async (_what, prepare, name, message) => {
    const port = await freePort();
    stytch.emulator.content.services = [
      { name: 'orders', url: urlOf(service) },
      { name: 'down', url: `http://localhost:${port}` },
    ];
    prepare();

    const result = await call({ service: name });

    expect(result).toMatchObject({
      status: null,
      error: expect.stringMatching(message),
      headers: {},
      body: '',
    });
    const { trace, spans } = await stytch.admin('GET', `/traces/${result.trace_id}`);
    expect(trace).toMatchObject({ error: true, http_status: null });
    expect(spans[0].status).toEqual({ code: 'error', message: result.error });
    expect(stytch.reportError).not.toHaveBeenCalled();
  });

  test('When the service demands a client certificate, then the files of the service are used', async () => {
    const authority = await CertificateAuthority.create('Test CA');
    const [own, page] = await Promise.all([authority.issue('orders'), authority.issue('page')]);
    const secure = createSecureServer(
      { cert: own.certificate, key: own.key, ca: authority.certificate, requestCert: true },
      (_request, response) => void response.end('"safe"'),
    );
    await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve));
    const { port } = secure.address() as AddressInfo;
    const files = {
      ca: folder.file('ca.pem', authority.certificate),
      certificate: folder.file('page.pem', page.certificate),
      key: folder.file('page-key.pem', page.key),
    };
    stytch.emulator.content.services = [
      { name: 'safe', url: `https://localhost:${port}`, ...files },
      { name: 'without-certificate', url: `https://localhost:${port}`, ca: files.ca },
      { name: 'unknown-ca', url: `https://localhost:${port}` },
      { name: 'missing-file', url: `https://localhost:${port}`, ca: join(folder.path, 'none.pem') },
    ];

    const [safe, ...failed] = await Promise.all(
      stytch.emulator.content.services.map(({ name }) => call({ service: name })),
    );

    secure.closeAllConnections();
    await new Promise((resolve) => secure.close(resolve));
    stytch.emulator.content.services = [{ name: 'orders', url: urlOf(service) }];
    expect(safe).toMatchObject({ status: 200, body: '"safe"' });
    expect(failed.map(({ status }) => status)).toEqual([null, null, null]);
    expect(failed[0]?.error).toMatch(/./);
    expect(failed[1]?.error).toMatch(/certificate/);
    expect(failed[2]?.error).toMatch(/ENOENT/);
  });
});

describe('The token of a call', () => {
  const bearer = () => /^Bearer (.*)$/.exec(received[0]?.headers.authorization ?? '')?.[1] ?? '';
  const listed = async () => (await stytch.admin('GET', '/tokens')).tokens as ListedToken[];

  test('When it is that of a client, then it is issued as by the token endpoint, and listed', async () => {
    const { clientId: client_id } = stytch.seed;

    const result = await call({ token: { kind: 'client', client_id } });

    expect(decode(bearer()).claims).toMatchObject({ sub: client_id, scope: 'read:users' });
    expect(await listed()).toMatchObject([{ kind: 'issued', client_id }]);
    expect(JSON.stringify(result)).not.toContain(bearer());
    await stytch.sdk().m2m.authenticateToken({ access_token: bearer() });
  });

  test('When it is minted, then it has the wanted claims', async () => {
    await call({
      token: { kind: 'minted', claims: { exp: 1 }, header: { alg: 'none' }, sign_with: 'unknown' },
    });

    expect(decode(bearer())).toMatchObject({ header: { alg: 'none' }, claims: { exp: 1 } });
    expect(await listed()).toMatchObject([{ kind: 'minted', expires_at_seconds: 1 }]);
  });

  test('When it is a text, then it is sent as it is; without one there is none', async () => {
    await call({ token: { kind: 'text', text: 'garbage' } });
    await call();

    expect(received.map(({ headers }) => headers.authorization)).toEqual(['Bearer garbage', undefined]);
    expect(await listed()).toEqual([]);
  });

  test('When the client is inactive or unknown, or lacks the scope, then the call is refused', async () => {
    const { clientId: client_id } = stytch.seed;
    await refused({ token: { kind: 'client', client_id: 'nobody' } }, /token\.client_id/);
    await refused({ token: { kind: 'client', client_id, scope: 'admin' } }, /token\.scope: .*hold/);
    await stytch.admin('PUT', `/clients/${client_id}`, { status: 'inactive' });
    await refused({ token: { kind: 'client', client_id } }, /token\.client_id: there is no active client/);
  });
});

async function refused(wanted: object, message: RegExp): Promise<void> {
  const response = await fetch(`${stytch.url}/local/calls`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ service: 'orders', method: 'GET', path: '/orders', ...wanted }),
  });
  const { error_message } = (await response.clone().json()) as { error_message: string };
  expect(error_message).toMatch(message);
  await expectRefusal(response, 400, 'invalid_admin_request');
  expect(received).toEqual([]);
}

describe('A call to another machine', () => {
  test.each([
    '//evil.example/x',
    '/\\evil.example/x',
    '\\\\evil.example/x',
    'http://evil.example/x',
    '@evil.example/x',
    '',
    'orders',
    '/a b',
    '/a\r\nX-Injected: 1',
    '/a#b',
    '/é',
    '/\ud800',
    `/${'x'.repeat(9_000)}`,
  ])('When the path is %j, then it is refused', async (path) => {
    await refused({ path }, /path: /);
  });

  test.each([
    '/@evil.example/',
    '/..//evil.example',
    '/%2f%2fevil.example',
    '/x?u=http://evil.example',
    '/:80@evil.example',
  ])('When the path is %s, then it goes to the service and nowhere else', async (path) => {
    await call({ path });

    expect(received).toMatchObject([{ url: path, headers: { host: new URL(urlOf(service)).host } }]);
  });

  test.each([
    [{ service: 'http://evil.example' }, /service: there is none/],
    [{ service: '__proto__' }, /service: there is none/],
    [{ service: 'local-stytch', path: '/local/reset' }, /must begin with \/v1\//],
    [{ method: 'CONNECT' }, /method: /],
    [{ method: 'TRACE' }, /method: /],
    [{ headers: { host: 'evil.example' } }, /headers/],
    [{ token: { kind: 'text', text: 'a\r\nX-Injected: 1' } }, /token\.text: must be printable ASCII/],
    [{ token: { kind: 'file', path: '/etc/passwd' } }, /token/],
    [{ trace_id: 'x' }, /trace_id/],
    [{ trace_id: '0'.repeat(32) }, /trace_id/],
  ])('When the call is %j, then it is refused', async (wanted, message) => {
    await refused(wanted, message);
  });
});

describe('The answer of a call', () => {
  test('When it has secrets and tokens, then they are masked', async () => {
    const { access_token } = await stytch.admin('POST', '/tokens');
    const secret = 'the-next-Secret-0123456789';
    answer = (_request, response) => {
      response.setHeader('set-cookie', `session=${secret}`);
      response.setHeader('x-token', secret);
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify({
          client_secret: secret,
          client_secret_last_four: '6789',
          text: access_token,
          list: [{ api_token: secret }],
        }),
      );
    };

    const result = await call();

    expect(JSON.parse(result.body)).toEqual({
      client_secret: '••••',
      client_secret_last_four: '6789',
      text: 'eyJ…••••',
      list: [{ api_token: '••••' }],
    });
    expect(result.headers).toMatchObject({ 'set-cookie': '••••', 'x-token': '••••' });
    expect(JSON.stringify(result)).not.toContain(secret);
  });

  test('When it is a secret alone, as of a rotation, then its last four characters are shown', async () => {
    const secret = stytch.seed.clientSecret;
    answerWith(secret);

    expect((await call()).body).toBe(`"••••${secret.slice(-4)}"`);
    answerWith('The rotation is complete.');
    expect((await call()).body).toBe('"The rotation is complete."');
  });

  test('When it is no JSON, then secrets in it are masked by their names', async () => {
    answer = (_request, response) => response.end('client_secret=abc <b>{"access_token": "abc"</b>');

    expect((await call()).body).toBe('client_secret=•••• <b>{"access_token": "••••"</b>');
  });
});

test('When the page asks what it can call, then it gets names and addresses, and no files', async () => {
  stytch.emulator.content.services = [
    { name: 'orders', url: 'http://localhost:1', key: '/secret/key.pem' },
    { name: 'local-stytch', url: stytch.url },
  ];

  expect(await stytch.admin('GET', '/console')).toEqual({
    status_code: 200,
    request_id: expect.any(String),
    project_id: stytch.seed.projectId,
    base_url: stytch.url,
    version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    services: [{ name: 'orders', url: 'http://localhost:1' }],
    scenarios: [],
  });
  stytch.emulator.content.services = [{ name: 'orders', url: urlOf(service) }];
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

import { request as httpRequest } from 'node:http';
import type { RequestHandler } from 'express';
import request from 'supertest';
import { createApp } from '../src/app';
import { Faults } from '../src/faults';
import { basic, expectRefusal, startLocalStytch, type TestStytch, tokenUrl } from './localStytch';

let stytch: TestStytch;
let clients: string;
let project: { Authorization: string };
beforeAll(async () => {
  stytch = await startLocalStytch();
  clients = `${stytch.url}/v1/m2m/clients`;
  project = basic(stytch.seed.projectId, stytch.seed.projectSecret);
});
afterAll(() => stytch.close());

function send(
  url: string,
  body: string,
  headers: Record<string, string>,
  method = 'POST',
): Promise<Response> {
  return fetch(url, { method, body, headers: { ...project, ...headers } });
}

const asJson = { 'Content-Type': 'application/json' };
const asForm = { 'Content-Type': 'application/x-www-form-urlencoded' };

describe('a body', () => {
  test.each(['{', '{"scopes":}', 'null', '"text"', '[1,', '{"a":1}}'])(
    'of the malformed JSON %s is refused wherever JSON is read',
    async (body) => {
      await expectRefusal(await send(clients, body, asJson), 400, 'malformed_json');
      await expectRefusal(await send(`${clients}/x`, body, asJson, 'PUT'), 400, 'malformed_json');
      await expectRefusal(await send(`${stytch.url}/local/faults`, body, asJson), 400, 'malformed_json');
      const token = await fetch(tokenUrl(stytch.url, stytch.seed), { method: 'POST', body, headers: asJson });
      await expectRefusal(token, 400, 'malformed_json');
    },
  );

  const nested = (levels: number) => {
    const arrays = levels - 2;
    return `{"scopes":[],"trusted_metadata":{"a":${'['.repeat(arrays)}${']'.repeat(arrays)}}}`;
  };

  test('nested 100 levels deep is accepted, and its metadata can be read again', async () => {
    const created = await send(clients, nested(100), asJson);

    expect(created.status).toBe(200);
    const { m2m_client } = (await created.json()) as { m2m_client: { trusted_metadata: { a: unknown } } };
    expect(JSON.stringify(m2m_client.trusted_metadata.a)).toBe('['.repeat(98) + ']'.repeat(98));
  });

  test.each([101, 40_000])('nested %i levels deep is refused on every engine', async (levels) => {
    await expectRefusal(await send(clients, nested(levels), asJson), 400, 'malformed_json');
    expect(stytch.reportError).not.toHaveBeenCalled();
  });

  test('over 100 kB is refused, as JSON and as a form', async () => {
    const long = 'x'.repeat(102_400);

    await expectRefusal(await send(clients, JSON.stringify({ long }), asJson), 413, 'body_too_large');
    const token = await fetch(tokenUrl(stytch.url, stytch.seed), {
      method: 'POST',
      body: `long=${long}`,
      headers: asForm,
    });
    await expectRefusal(token, 413, 'body_too_large');
  });

  test('of just under 100 kB is accepted', async () => {
    const body = JSON.stringify({ scopes: [], ignored: 'x'.repeat(102_000) });

    expect((await send(clients, body, asJson)).status).toBe(200);
  });

  test.each([
    ['text/plain', {}],
    ['application/xml', {}],
    ['multipart/form-data; boundary=x', {}],
    ['application/json; charset=latin1', {}],
    ['application/json', { 'Content-Encoding': 'compress' }],
  ])('of the content type %s %j is refused', async (type, headers) => {
    const response = await send(clients, '{"scopes":[]}', { 'Content-Type': type, ...headers });

    await expectRefusal(response, 415, 'unsupported_media_type');
  });

  test('as a form is refused where Stytch reads JSON only', async () => {
    await expectRefusal(await send(clients, 'scopes=x', asForm), 415, 'unsupported_media_type');
  });

  test('is not read before the project is authenticated', async () => {
    const response = await fetch(clients, { method: 'POST', body: '{', headers: asJson });

    await expectRefusal(response, 401, 'unauthorized_credentials');
  });
});

describe('a path', () => {
  test.each([
    '/console',
    '/console/',
    '/console/index.html',
    '/v1/m2m',
    '/v1/m2m/',
    '/v1/m2m/clients/',
    '/V1/m2m/clients',
    '/local',
    '/local/nothing',
    '/%2f',
  ])('%s that is no endpoint gets 404', async (path) => {
    await expectRefusal(await fetch(stytch.url + path), 404, 'route_not_found');
  });

  test('with a malformed escape gets 400', async () => {
    const response = await fetch(`${clients}/%E0%A4%A`, { headers: project });

    await expectRefusal(response, 400, 'malformed_request');
  });

  test.each([
    ['PATCH', '/v1/m2m/clients/x', 'GET, PUT, DELETE, HEAD'],
    ['POST', '/v1/m2m/clients/x', 'GET, PUT, DELETE, HEAD'],
    ['GET', '/v1/m2m/clients', 'POST'],
    ['OPTIONS', '/v1/m2m/clients', 'POST'],
    ['GET', '/v1/m2m/clients/x/secrets/rotate', 'POST'],
    ['GET', '/v1/m2m/clients/x/secrets/rotate/start', 'POST'],
    ['DELETE', '/v1/m2m/clients/x/secrets/rotate/cancel', 'POST'],
    ['GET', '/v1/public/x/oauth2/token', 'POST'],
    ['POST', '/v1/sessions/jwks/x', 'GET, HEAD'],
    ['PUT', '/local/faults', 'GET, POST, DELETE, HEAD'],
    ['POST', '/', 'GET, HEAD'],
    ['POST', '/local/events', 'GET, HEAD'],
    ['GET', '/local/tokens/explain', 'POST'],
    ['GET', '/local/reset', 'POST'],
  ])('refuses %s %s, and lists the allowed methods', async (method, path, allow) => {
    const response = await fetch(stytch.url + path, { method });

    expect(response.headers.get('allow')).toBe(allow);
    await expectRefusal(response, 405, 'method_not_allowed');
  });

  test('"search" can be the id of a client', async () => {
    await expectRefusal(await fetch(`${clients}/search`, { headers: project }), 404, 'm2m_client_not_found');
  });
});

describe('only this machine gets answers', () => {
  test.each(['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', '192.168.0.1', '[::2]', ''])(
    'not the host %j',
    async (host) => {
      const response = await request(stytch.url).get('/local/health').set('Host', host);

      expect(response.status).toBe(403);
      expect(response.body).toMatchObject({ status_code: 403, error_type: 'forbidden' });
    },
  );

  test.each(['localhost', 'localhost:5005', 'LOCALHOST:1', '127.0.0.1:80', '[::1]:5005'])(
    'but the host %s',
    async (host) => {
      const response = await request(stytch.url).get('/local/health').set('Host', host);

      expect(response.status).toBe(200);
    },
  );

  const fromOrigin = (path: string, origin: string, method = 'POST') =>
    fetch(stytch.url + path, { method, headers: { Origin: origin } });

  test.each([
    ['https://evil.example', 403],
    ['null', 403],
    ['http://localhost:3000', 404],
  ])('a page from %s gets %i from the API', async (origin, status) => {
    const response = await fromOrigin('/v1/nothing', origin);

    expect(response.status).toBe(status);
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
  });

  test.each([
    'https://evil.example',
    'null',
    'http://localhost',
    'http://localhost:3000',
    'http://localhost.evil.example',
    'https://127.0.0.1',
  ])('a page from %s is foreign to the admin API', async (origin) => {
    for (const [path, method] of [
      ['/local/reset', 'POST'],
      ['/local/clients/x', 'DELETE'],
      ['/local/events', 'GET'],
      ['/local/health', 'GET'],
    ] as const) {
      const response = await fromOrigin(path, origin, method);

      expect(response.headers.get('access-control-allow-origin')).toBeNull();
      await expectRefusal(response, 403, 'forbidden');
    }
    const { port } = new URL(stytch.url);
    await expectRefusal(await fromOrigin('/local/reset', `https://127.0.0.1:${port}`), 403, 'forbidden');
  });

  test("the console's own page may use the admin API", async () => {
    expect((await fromOrigin('/local/reset', stytch.url)).status).toBe(200);
    const host = 'localhost:5005';
    const named = await request(stytch.url)
      .post('/local/reset')
      .set({ Host: host, Origin: `http://${host}` });
    expect(named.status).toBe(200);
  });

  test('a link of another page may open the console, and nothing else', async () => {
    const clicked = { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate' };
    const status = async (path: string, headers: Record<string, string>) =>
      (await request(stytch.url).get(path).set(headers)).status;

    expect(await status('/', clicked)).not.toBe(403);
    expect(await status('/', { ...clicked, 'Sec-Fetch-Mode': 'no-cors' })).toBe(403);
    expect(await status('/', { ...clicked, Host: 'evil.example' })).toBe(403);
    expect(await status('/local/requests', clicked)).toBe(403);
    expect(await status('/console/app.js', clicked)).toBe(403);
  });
});

describe('an unexpected error', () => {
  test('is a 500 without details, and is reported', async () => {
    const keys = jest.spyOn(stytch.state.keys, 'published').mockImplementationOnce(() => {
      throw new Error('a secret detail');
    });

    const response = await fetch(`${stytch.url}/v1/sessions/jwks/${stytch.seed.projectId}`);

    keys.mockRestore();
    await expectRefusal(response, 500, 'internal_server_error');
    expect(stytch.reportError).toHaveBeenCalledWith(expect.objectContaining({ message: 'a secret detail' }));
  });

  test('is one even if it is no Error', async () => {
    stytch.reportError.mockClear();
    jest.spyOn(stytch.state.keys, 'published').mockImplementationOnce(() => {
      // eslint-disable-next-line @typescript-eslint/only-throw-error -- it is what this test is about
      throw 'text';
    });

    const response = await fetch(`${stytch.url}/v1/sessions/jwks/${stytch.seed.projectId}`);

    await expectRefusal(response, 500, 'internal_server_error');
    expect(stytch.reportError).toHaveBeenCalledWith('text');
  });

  test('after the beginning of the answer ends the connection', async () => {
    const apply: RequestHandler = (_request, response) => {
      response.write('half an ans');
      throw new Error('in the middle');
    };
    const faults = Object.assign(new Faults(), { apply });
    const app = createApp({ ...stytch.emulator, faults, reportError: stytch.reportError });

    await expect(request(app).get('/v1/anything')).rejects.toThrow(/aborted|hang up|terminated/);
  });

  test('a caller that disconnects in the middle of its body causes no error', async () => {
    const outgoing = httpRequest(clients, {
      method: 'POST',
      headers: { ...project, ...asJson, 'Content-Length': 1000 },
    });
    outgoing.on('error', () => undefined);
    outgoing.write('{"scopes":');
    await new Promise((resolve) => outgoing.once('socket', (socket) => socket.once('connect', resolve)));
    outgoing.destroy();

    expect((await fetch(`${stytch.url}/local/health`)).status).toBe(200);
  });
});

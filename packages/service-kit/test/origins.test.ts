import './closedNetwork';
import type { RequestHandler } from 'express';
import request from 'supertest';
import { CertificateAuthority } from '../../certificates/src';
import { createBaseApp, route, serve, TlsFiles } from '../src/index';
import { origins } from '../src/origins';
import { expectRefused } from './expectRefused';
import { parseAnswer, sendRaw } from './rawHttp';
import { getSecurely } from './secureCalls';
import { createTestLogger } from './testLogger';
import { createTlsFolder } from './tlsFolder';

const { logger } = createTestLogger();

const answerDone: RequestHandler = (_request, response) => {
  response.json('done');
};

function createApp(allowedOrigins?: readonly string[]) {
  return createBaseApp({ logger, allowedOrigins }, (router) => {
    route(router, '/thing', { get: answerDone, post: answerDone, delete: answerDone });
  });
}

describe('A request from a page of another origin', () => {
  const methods = ['get', 'head', 'post', 'delete', 'options', 'patch'] as const;

  test.each(methods)('When it is a %s, then it is refused', async (method) => {
    const answer = await request(createApp())[method]('/thing').set('Origin', 'https://evil.example');

    expect(answer.status).toBe(403);
    if (method !== 'head') expectRefused(answer, 403, 'origin_not_allowed');
    expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
  });

  test.each(['/healthz', '/readyz', '/metrics', '/nowhere'])(
    'When it asks for %s, then it is refused',
    async (path) => {
      await request(createApp()).get(path).set('Origin', 'https://evil.example').expect(403);
    },
  );

  test.each([
    'null',
    '',
    'localhost',
    'http://localhost.evil.example',
    'http://localhost, https://evil.example',
  ])('When its origin is %j, then it is refused', async (origin) => {
    await request(createApp()).get('/thing').set('Host', 'localhost').set('Origin', origin).expect(403);
  });

  test.each(['cross-site', 'same-site', 'anything', 'same-origin, cross-site'])(
    'When it has no origin, and its site is %s, then it is refused',
    async (site) => {
      expectRefused(
        await request(createApp()).get('/thing').set('Sec-Fetch-Site', site),
        403,
        'origin_not_allowed',
      );
    },
  );

  test('When the origin is allowed, then it is answered from any site', async () => {
    const app = createApp(['https://console.example', 'https://other.example']);
    const ask = (origin: string) =>
      request(app).post('/thing').set('Origin', origin).set('Sec-Fetch-Site', 'cross-site');

    await ask('https://console.example').expect(200);
    await ask('https://other.example').expect(200);
    await ask('https://console.example:444').expect(403);
    await ask('https://evil.example').expect(403);
  });
});

describe('A request from elsewhere', () => {
  test.each([
    ['a service', {}],
    ['an address that a user typed', { 'Sec-Fetch-Site': 'none' }],
    ['the server itself', { 'Sec-Fetch-Site': 'same-origin' }],
    ['the server itself, with its origin', { Host: 'localhost:6001', Origin: 'http://localhost:6001' }],
    ['the server by its address', { Host: '10.0.0.7:80', Origin: 'http://10.0.0.7' }],
    ['the server by its IPv6 address', { Host: '[::1]:4000', Origin: 'http://[::1]:4000' }],
  ])('When it is from %s, then it is answered', async (_name, headers) => {
    await request(createApp()).post('/thing').set(headers).expect(200);
  });

  test.each([
    ['the port differs', { Host: 'localhost:6001', Origin: 'http://localhost:3000' }],
    ['the scheme differs', { Host: 'localhost:6001', Origin: 'https://localhost:6001' }],
    // DNS rebinding: evil.example resolves to this server.
    ['the name may be rebound', { Host: 'evil.example:6001', Origin: 'http://evil.example:6001' }],
    ['the host is invalid', { Host: 'a b', Origin: 'http://a b' }],
  ])('When %s, then it is refused', async (_name, headers) => {
    await request(createApp()).post('/thing').set(headers).expect(403);
  });

  test('When it came over TLS, then the host in the origin is trusted', async () => {
    const authority = await CertificateAuthority.create();
    const folder = createTlsFolder(await authority.issue('pay.example'), authority.certificate);
    const tls = await TlsFiles.open({ ...folder.settings, TLS_CA_FILE: undefined }, { logger });
    const server = await serve({ name: 'test', app: createApp(), host: '127.0.0.1', port: 0, logger, tls });
    const ask = (origin: string) =>
      getSecurely(`${server.url}/thing`, {
        ca: authority.certificate,
        headers: { Host: 'pay.example', Origin: origin },
      });

    expect(await ask('https://pay.example')).toMatchObject({ status: 200 });
    expect(await ask('http://pay.example')).toMatchObject({ status: 403 });
    await server.close();
    tls?.stop();
    folder.remove();
  });
});

describe('A request without Host', () => {
  test.each([
    ['1.1', 400],
    ['1.0', 200],
  ])('When it is HTTP/%s, then the answer is %i, and it is logged', async (version, status) => {
    const log = createTestLogger();
    const app = createBaseApp({ logger: log.logger }, (router) => {
      route(router, '/thing', { get: answerDone });
    });
    const server = await serve({ name: 'test', app, host: '127.0.0.1', port: 0, logger: log.logger });

    const answer = parseAnswer(
      await sendRaw(server.port, `GET /thing HTTP/${version}\r\nConnection: close\r\n\r\n`),
    );

    expect(answer).toMatchObject({ status });
    if (status === 400) expectRefused(answer, 400, 'bad_request');
    expect(log.lines).toContainEqual(expect.objectContaining({ res: { status } }));
    await server.close();
  });
});

describe('origins', () => {
  test('When origins are separated by commas, with or without spaces, then each is parsed', () => {
    expect(origins().parse('https://a.example,http://localhost:3000 , https://b.example:8443')).toEqual([
      'https://a.example',
      'http://localhost:3000',
      'https://b.example:8443',
    ]);
  });

  test.each([
    '*',
    'null',
    'a.example',
    'https://a.example/',
    'https://a.example,',
    'HTTPS://A.example',
    'ftp://a.example',
  ])('When it is %j, then the message says what it must be', (value) => {
    expect(origins().safeParse(value).error?.issues).toMatchObject([
      { message: 'must be origins, such as https://console.example, separated by commas' },
    ]);
  });
});

import './closedNetwork';
import { once } from 'node:events';
import { Agent, type AgentOptions, createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { JsonGeneralNames } from '@peculiar/x509';
import { Registry } from 'prom-client';
import request from 'supertest';
import { CertificateAuthority } from '../../certificates/src';
import {
  clientNames,
  createBaseApp,
  requireClientNames,
  route,
  type RunningServer,
  serve,
  TlsFiles,
  tlsOptions,
} from '../src/index';
import { getSecurely } from './secureCalls';
import { createTestLogger, type TestLogger } from './testLogger';
import { createTlsFolder, type TlsFolder } from './tlsFolder';

const spiffeId = 'spiffe://neobank.example/payment-server';

describe('requireClientNames', () => {
  let authority: CertificateAuthority;
  let log: TestLogger;
  let folder: TlsFolder;
  let files: TlsFiles;
  let server: RunningServer;

  const createApp = () =>
    createBaseApp({ logger: log.logger }, (app) => {
      app.use('/api', requireClientNames(['Payment-Server', spiffeId]));
      route(app, '/api/thing', { get: (_request, response) => void response.json('thing') });
    });

  beforeAll(async () => {
    authority = await CertificateAuthority.create('Test CA');
    log = createTestLogger();
    folder = createTlsFolder(await authority.issue('wallet-server'), authority.certificate);
    const options = { logger: log.logger, registry: new Registry() };
    files = (await TlsFiles.open(folder.settings, options))!;
    const { logger } = log;
    server = await serve({ name: 'test', app: createApp(), host: '127.0.0.1', port: 0, logger, tls: files });
  });

  afterAll(async () => {
    await server.close();
    files.stop();
    folder.remove();
  });

  const clientWith = async (names?: JsonGeneralNames, commonName = 'client'): Promise<AgentOptions> => {
    const { certificate, key } = await authority.issue(commonName, {}, names);
    return { ca: authority.certificate, cert: certificate, key };
  };
  const call = (options: AgentOptions & { agent?: Agent }, path = '/api/thing') =>
    getSecurely(`${server.url}${path}`, options);
  const refused = { status: 403, json: { code: 'client_not_allowed' } };

  test.each<[string, JsonGeneralNames]>([
    ['the DNS name in another case', [{ type: 'dns', value: 'PAYMENT-server' }]],
    ['the URI', [{ type: 'url', value: spiffeId }]],
    [
      'one of the names among others',
      [
        { type: 'email', value: 'a@neobank.example' },
        { type: 'dn', value: 'CN=a, O=b' },
        { type: 'dns', value: 'localhost' },
        { type: 'dns', value: 'payment-server' },
      ],
    ],
  ])('When the certificate has %s, then the client is accepted', async (_name, names) => {
    expect(await call(await clientWith(names))).toMatchObject({ status: 200 });
  });

  test.each<[string, JsonGeneralNames]>([
    ['another name', [{ type: 'dns', value: 'operator' }]],
    ['a name that begins like it', [{ type: 'dns', value: 'payment-server.evil.example' }]],
    ['a name that ends like it', [{ type: 'dns', value: 'a.payment-server' }]],
    ['a wildcard', [{ type: 'dns', value: '*' }]],
    ['the name with a comma before it', [{ type: 'dns', value: 'operator, DNS:payment-server' }]],
    ['the name in quotes', [{ type: 'dns', value: '"payment-server"' }]],
    ['the name after a quote', [{ type: 'dns', value: 'a", DNS:payment-server, DNS:"b' }]],
    ['the name before a NUL', [{ type: 'dns', value: 'payment-server\0.evil.example' }]],
    ['the name after a newline', [{ type: 'dns', value: 'operator\nDNS:payment-server' }]],
    ['the name in an e-mail address', [{ type: 'email', value: 'payment-server' }]],
    ['the name as a URI', [{ type: 'url', value: 'payment-server' }]],
    ['the URI in another case', [{ type: 'url', value: spiffeId.replace('payment', 'Payment') }]],
    ['the URI as a DNS name', [{ type: 'dns', value: spiffeId }]],
    ['the URI with a path after it', [{ type: 'url', value: `${spiffeId}/a` }]],
    ['the name in a directory name', [{ type: 'dn', value: 'CN=DNS:payment-server' }]],
  ])('When the certificate has %s, then the client is refused', async (_name, names) => {
    expect(await call(await clientWith(names))).toMatchObject(refused);
  });

  test('When the certificate expires during a connection, then the client is refused', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const options = { ...(await clientWith([{ type: 'dns', value: 'payment-server' }])), agent };
    expect(await call(options)).toMatchObject({ status: 200 });

    const aYear = 365 * 86_400_000;
    const { now } = Date;
    const clock = jest.spyOn(Date, 'now').mockImplementation(() => now() + aYear);

    expect(await call(options)).toMatchObject({ ...refused, headers: { connection: 'close' } });
    clock.mockRestore();
    agent.destroy();
  });

  test('When only the common name matches, then the client is refused', async () => {
    expect(await call(await clientWith([], 'payment-server'))).toMatchObject(refused);
  });

  test('When a client is refused, then the log has the names of its certificate, and the answer does not', async () => {
    const logged = log.logged(({ code }) => code === 'client_not_allowed');

    const { json } = await call(await clientWith([{ type: 'dns', value: 'operator' }]));

    expect(await logged).toMatchObject({ reason: "the client's certificate is for DNS:operator" });
    expect(JSON.stringify(json)).not.toContain('operator');
  });

  test('When a route is not protected, then any name is accepted', async () => {
    expect(await call(await clientWith(), '/healthz')).toMatchObject({ status: 200 });
  });

  test.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'When a client resumes its session in %s, then it is accepted or refused as before',
    async (maxVersion) => {
      const good = new Agent({
        ...(await clientWith([{ type: 'dns', value: 'payment-server' }])),
        maxVersion,
      });
      const bad = new Agent({ ...(await clientWith()), maxVersion });

      expect(await call({ agent: good })).toMatchObject({ resumed: false, status: 200 });
      expect(await call({ agent: good })).toMatchObject({ resumed: true, status: 200 });
      expect(await call({ agent: bad })).toMatchObject({ resumed: false, ...refused });
      expect(await call({ agent: bad })).toMatchObject({ resumed: true, ...refused });
    },
  );

  test('When a connection is kept alive, then its certificate is parsed once', async () => {
    const agent = new Agent({ ...(await clientWith([{ type: 'url', value: spiffeId }])), keepAlive: true });
    const parsed = jest.spyOn(TLSSocket.prototype, 'getPeerX509Certificate');

    for (let times = 0; times < 3; times += 1) await call({ agent });

    expect(parsed).toHaveBeenCalledTimes(1);
    parsed.mockRestore();
    agent.destroy();
  });

  test('When the server does not verify certificates, then their names are ignored', async () => {
    const lax = createServer({ ...tlsOptions(files.current), requestCert: true, rejectUnauthorized: false });
    lax.on('request', createApp()).listen(0, '127.0.0.1');
    await once(lax, 'listening');
    const { port } = lax.address() as AddressInfo;
    const other = await (await CertificateAuthority.create()).issue('payment-server');
    const client = { ca: authority.certificate, cert: other.certificate, key: other.key };

    expect(await getSecurely(`https://localhost:${port}/api/thing`, client)).toMatchObject(refused);
    lax.close();
  });

  test('When there is no TLS, then every client is refused', async () => {
    const { status, body } = await request(createApp()).get('/api/thing');

    expect({ status, json: body as unknown }).toMatchObject(refused);
  });
});

describe('clientNames', () => {
  test('When names are separated by commas, with or without spaces, then each is parsed', () => {
    expect(clientNames().parse(`payment-server, a.b-c.example ,${spiffeId}`)).toEqual([
      'payment-server',
      'a.b-c.example',
      spiffeId,
    ]);
  });

  test.each([
    '*',
    '*.example',
    'a,',
    ',',
    'a b',
    '-a',
    'a..b',
    'a_b',
    '"a"',
    'spiffe://a b',
    'spiffe://"a"',
    ':a',
    'a:',
  ])('When it is %j, then the message says what it must be', (value) => {
    expect(clientNames().safeParse(value).error?.issues).toMatchObject([
      { message: 'must be DNS names without a wildcard, or URIs, separated by commas' },
    ]);
  });
});

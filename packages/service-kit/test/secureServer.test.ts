import './closedNetwork';
import { once } from 'node:events';
import { Agent, type AgentOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect, createServer, getCiphers } from 'node:tls';
import { CertificateAuthority } from '../../certificates/src';
import {
  createBaseApp,
  route,
  type RunningServer,
  serve,
  TlsFiles,
  tlsOptions,
  type TlsSettings,
} from '../src/index';
import { RawCaller } from './pipeline';
import { getSecurely } from './secureCalls';
import { createTestLogger, type TestLogger } from './testLogger';
import { createTlsFolder, type TlsFolder } from './tlsFolder';

/** A refused client's error. In TLS 1.3 it may send its request before it is refused. */
const broken = { code: expect.stringMatching(/^(ECONNRESET|EPIPE|ERR_SSL_.*)$/) as string };

let authority: CertificateAuthority;
let client: AgentOptions;
let folder: TlsFolder;
let log: TestLogger;
let files: TlsFiles;
let server: RunningServer;

beforeAll(async () => {
  authority = await CertificateAuthority.create('Test CA');
  const { certificate, key } = await authority.issue('client');
  client = { ca: authority.certificate, cert: certificate, key };
  folder = createTlsFolder(await authority.issue('server'), authority.certificate);
});
afterAll(() => {
  folder.remove();
});

async function start(settings: TlsSettings): Promise<void> {
  log = createTestLogger();
  const { logger } = log;
  files = (await TlsFiles.open(settings, { logger }))!;
  const app = createBaseApp({ logger }, (router) => {
    route(router, '/quick', { get: (_request, response) => void response.json('quick') });
  });
  server = await serve({ name: 'test', app, host: '127.0.0.1', port: 0, logger, tls: files });
}

afterEach(async () => {
  jest.restoreAllMocks();
  await server.close();
  files.stop();
});

describe('A server over TLS', () => {
  beforeEach(() => start({ ...folder.settings, TLS_CA_FILE: undefined }));

  test('When a client offers one cipher of TLS 1.2, then only ECDHE with AES-GCM or ChaCha20 is accepted', async () => {
    const accepted: string[] = [];
    for (const cipher of getCiphers().filter((name) => !name.startsWith('tls_'))) {
      const options = { maxVersion: 'TLSv1.2', ciphers: `${cipher.toUpperCase()}:@SECLEVEL=0` } as const;
      const call = getSecurely(`${server.url}/quick`, { ca: authority.certificate, ...options });
      await call.then(() => accepted.push(cipher)).catch(() => undefined);
    }

    // The certificate has an ECDSA key.
    expect(accepted.sort()).toEqual([
      'ecdhe-ecdsa-aes128-gcm-sha256',
      'ecdhe-ecdsa-aes256-gcm-sha384',
      'ecdhe-ecdsa-chacha20-poly1305',
    ]);
  });

  test('When a server has CBC ciphers only, then our client does not connect', async () => {
    const { cert, key } = files.current;
    const old = createServer({ cert, key, maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA' });
    old.listen(0, '127.0.0.1');
    await once(old, 'listening');

    const { port } = old.address() as AddressInfo;
    const options = tlsOptions({ cert, key, ca: authority.certificate });
    const [error] = (await once(connect({ ...options, port, host: '127.0.0.1' }), 'error')) as [unknown];

    expect(error).toMatchObject({ code: expect.stringMatching(/HANDSHAKE_FAILURE/) as string });
    old.close();
  });

  test('When a client pipelines 1,000 requests, then all are answered', async () => {
    const caller = await RawCaller.open(server.port, { ca: authority.certificate });

    caller.get(...Array.from({ length: 1_000 }, () => '/quick'));
    await caller.answers(1_000);

    expect(new Set(caller.statuses)).toEqual(new Set([200]));
    caller.socket.destroy();
  });
});

describe('A server that asks for a client certificate', () => {
  const { now } = Date;
  const expireCertificates = () => jest.spyOn(Date, 'now').mockImplementation(() => now() + 365 * 86_400_000);

  beforeEach(() => start(folder.settings));

  test.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'When the certificate expires after a session began in %s, then the session is not resumed',
    async (maxVersion) => {
      const agent = new Agent({ ...client, maxVersion, maxSockets: 1 });
      await getSecurely(`${server.url}/quick`, { agent });
      expect(await getSecurely(`${server.url}/quick`, { agent })).toMatchObject({ resumed: true });
      expireCertificates();
      const failed = log.logged(({ msg }) => msg === 'TLS handshake failed');

      await expect(getSecurely(`${server.url}/quick`, { agent })).rejects.toMatchObject(broken);

      expect(await failed).toMatchObject({ level: 30, reason: 'CERT_HAS_EXPIRED', address: '127.0.0.1' });
    },
  );

  test.each(['/quick', '/healthz', '/nowhere'])(
    'When the certificate expires during a connection, then a request for %s is refused, and the connection is closed',
    async (path) => {
      const agent = new Agent({ ...client, keepAlive: true, maxSockets: 1 });
      await getSecurely(`${server.url}/quick`, { agent });
      expireCertificates();

      expect(await getSecurely(`${server.url}${path}`, { agent })).toMatchObject({
        status: 403,
        headers: { connection: 'close' },
        json: { code: 'client_not_allowed' },
      });
      agent.destroy();
    },
  );
});

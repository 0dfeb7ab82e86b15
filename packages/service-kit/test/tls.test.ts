import './closedNetwork';
import { once } from 'node:events';
import { request as plainRequest } from 'node:http';
import https, { Agent, type AgentOptions } from 'node:https';
import { connect as connectPlain } from 'node:net';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import express from 'express';
import { Registry } from 'prom-client';
import { CertificateAuthority, type Identity } from '../../certificates/src';
import { createBaseApp, Readiness, route, type RunningServer, serve, TlsFiles } from '../src/index';
import { sendRaw } from './rawHttp';
import { getSecurely } from './secureCalls';
import { createTestLogger, type TestLogger } from './testLogger';
import { createTlsFolder, type TlsFolder } from './tlsFolder';

const yesterday = new Date(Date.now() - 86_400_000);
const lastYear = new Date(Date.now() - 365 * 86_400_000);

let authority: CertificateAuthority;
let identity: Identity;
let client: AgentOptions;

beforeAll(async () => {
  authority = await CertificateAuthority.create('Test CA');
  identity = await authority.issue('server');
  client = asClient(await authority.issue('client'));
});

/** The TLS options of a client. */
function asClient({ certificate, key }: Identity): AgentOptions {
  return { ca: authority.certificate, cert: certificate, key };
}

let log: TestLogger;
let folder: TlsFolder;
let files: TlsFiles;
let server: RunningServer;
let release: () => void;

async function start({ mutual = true, health = false }): Promise<void> {
  log = createTestLogger();
  folder = createTlsFolder(identity, authority.certificate);
  const { TLS_CA_FILE, ...own } = folder.settings;
  files = (await TlsFiles.open(mutual ? { ...own, TLS_CA_FILE } : own, {
    logger: log.logger,
    registry: new Registry(),
    intervalMilliseconds: 10,
  }))!;
  const readiness = new Readiness();
  const base = { logger: log.logger, readiness };
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const app = createBaseApp(base, (router) => {
    route(router, '/quick', { get: (_request, response) => void response.json('quick') });
    route(router, '/hold', {
      get: async (_request, response) => {
        log.logger.info('holding');
        await released;
        response.json('held');
      },
    });
  });
  server = await serve({
    name: 'test',
    app,
    host: '127.0.0.1',
    port: 0,
    tls: files,
    ...base,
    ...(health && { health: { app: createBaseApp(base, () => undefined), port: 0 } }),
  });
}

afterEach(async () => {
  release();
  await server.close();
  files.stop();
  folder.remove();
  jest.restoreAllMocks();
});

/** A refused client's error. In TLS 1.3 it may send its request before it is refused. */
const broken = { code: expect.stringMatching(/^(ECONNRESET|EPIPE|ERR_SSL_.*)$/) as string };

const failedFor = (reason: string | RegExp) =>
  log.logged(
    ({ msg, reason: given }) => msg === 'TLS handshake failed' && String(given).search(reason) === 0,
  );

/** Resolves with the error that ends a connection, or with undefined. */
function endOf(options: ConnectionOptions): Promise<unknown> {
  return new Promise((resolve) => {
    const socket = connect({ port: server.port, host: '127.0.0.1', servername: 'localhost', ...options });
    socket.once('error', resolve);
    socket.once('close', () => {
      resolve(undefined);
    });
    socket.resume();
  });
}

describe('A server with certificate and key', () => {
  beforeEach(() => start({ mutual: false }));

  test('When it is called over TLS, then it answers, and its URL is https', async () => {
    expect(server.url).toBe(`https://localhost:${server.port}`);

    expect(await getSecurely(`${server.url}/quick`, { ca: authority.certificate })).toMatchObject({
      status: 200,
      json: 'quick',
    });
  });

  test('When it receives plain HTTP, then the connection is closed without an answer, and the next call is answered', async () => {
    const failed = failedFor('ERR_SSL_HTTP_REQUEST');

    expect(await sendRaw(server.port, 'GET /quick HTTP/1.1\r\nHost: a\r\n\r\n')).not.toContain('HTTP/');
    expect(await failed).toMatchObject({ level: 30 });

    await expect(getSecurely(`${server.url}/quick`, { ca: authority.certificate })).resolves.toBeDefined();
  });

  test('When the same handshake failure repeats, then it is logged once', async () => {
    for (let times = 0; times < 5; times += 1) {
      const failed = failedFor('ERR_SSL_HTTP_REQUEST');
      await sendRaw(server.port, 'GET / HTTP/1.1\r\n\r\n');
      await failed;
    }

    const logged = log.lines.filter(({ msg, level }) => msg === 'TLS handshake failed' && level >= 30);
    expect(logged).toHaveLength(1);
  });

  test('When a client disconnects before the handshake, then it is logged at level debug only', async () => {
    const failed = failedFor('ECONNRESET');

    connectPlain(server.port, '127.0.0.1').end();

    expect(await failed).toMatchObject({ level: 20 });
  });

  test('When a client supports TLS 1.1 at most, then it is refused; with TLS 1.2 it is not', async () => {
    // By default OpenSSL disables these versions in this client.
    const old = { ca: authority.certificate, ciphers: 'DEFAULT@SECLEVEL=0', minVersion: 'TLSv1' as const };

    expect(await endOf({ ...old, maxVersion: 'TLSv1.1' })).toMatchObject({
      code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
    });
    const call = getSecurely(`${server.url}/quick`, { ...old, maxVersion: 'TLSv1.2' });
    expect(await call).toMatchObject({ status: 200 });
  });

  test('When a client sets no version, then it is TLS 1.3', async () => {
    const socket = connect({ port: server.port, host: '127.0.0.1', ca: authority.certificate });
    await once(socket, 'secureConnect');

    expect(socket.getProtocol()).toBe('TLSv1.3');
    socket.destroy();
  });

  test('When a server is created, then it has time limits for the handshake', async () => {
    const created = jest.spyOn(https, 'createServer');

    await (
      await serve({
        name: 'test',
        app: express(),
        host: '127.0.0.1',
        port: 0,
        logger: log.logger,
        tls: files,
      })
    ).close();

    expect(created.mock.calls[0]?.[0]).toMatchObject({ handshakeTimeout: 10_000, headersTimeout: 10_000 });
  });

  test('When it receives bytes that are not HTTP over TLS, then the answer is 400 in JSON', async () => {
    const socket = connect({ port: server.port, host: '127.0.0.1', ca: authority.certificate });
    socket.end('hello\r\n\r\n');
    let text = '';
    socket.setEncoding('utf8').on('data', (piece: string) => (text += piece));
    await once(socket, 'close');

    expect(text).toMatch(/^HTTP\/1\.1 400 [^]*"code":"bad_request"/);
  });
});

describe('A server with certificate, key and CA', () => {
  beforeEach(() => start({}));

  const refusal = (options: AgentOptions): Promise<unknown> =>
    getSecurely(`${server.url}/quick`, options).catch((error: unknown) => error);
  test('When a client has a certificate of the CA, then it is answered', async () => {
    expect(await getSecurely(`${server.url}/quick`, client)).toMatchObject({ status: 200 });
  });

  test('When a client has no certificate, then it is refused, and the log says why', async () => {
    const failed = failedFor('ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE');

    expect(await refusal({ ca: authority.certificate })).toMatchObject(broken);

    expect(await failed).toMatchObject({ level: 30, address: '127.0.0.1' });
  });

  test('When the certificate is from another CA, even with the same name, then it is refused', async () => {
    const other = await CertificateAuthority.create('Test CA');
    const failed = failedFor(/UNABLE_TO|CERT_SIGNATURE_FAILURE/);

    expect(await refusal(asClient(await other.issue('client')))).toMatchObject(broken);

    expect(await failed).toMatchObject({ level: 30 });
  });

  test('When the certificate has expired, then it is refused', async () => {
    const expired = await authority.issue('client', { notBefore: lastYear, notAfter: yesterday });
    const failed = failedFor('CERT_HAS_EXPIRED');

    expect(await refusal(asClient(expired))).toMatchObject(broken);

    expect(await failed).toMatchObject({ level: 30 });
  });

  describe('that change', () => {
    const renew = async (by = authority) => {
      const next = await by.issue('server');
      const done = log.logged(({ msg }) => msg === 'TLS certificates reloaded');
      folder.put({ cert: next.certificate, key: next.key });
      await done;
    };

    test('When they change under load, then no call fails, new connections get the new certificate, and old ones stay open', async () => {
      const other = await CertificateAuthority.create('Next CA');
      const both = `${authority.certificate}${other.certificate}`;
      const bundled = log.logged(({ msg }) => msg === 'TLS certificates reloaded');
      folder.put({ ca: both });
      await bundled;
      const trusting = { ...client, ca: both };
      const agent = new Agent({ ...trusting, keepAlive: true });
      const before = await getSecurely(`${server.url}/quick`, { agent });
      const [open] = Object.values(agent.freeSockets).flat() as TLSSocket[];
      let over = false;
      const loads = [agent, false].flatMap((via) =>
        Array.from({ length: 3 }, async () => {
          const statuses: unknown[] = [];
          while (!over) {
            const call = getSecurely(`${server.url}/quick`, { ...trusting, agent: via });
            statuses.push((await call.catch((error: unknown) => ({ status: error }))).status);
          }
          return statuses;
        }),
      );

      await renew(other);
      const next = asClient(await other.issue('client'));
      const after = await getSecurely(`${server.url}/quick`, { ...next, ca: both });
      over = true;
      const statuses = (await Promise.all(loads)).flat();

      expect(statuses.filter((status) => status !== 200)).toEqual([]);
      expect(statuses.length).toBeGreaterThan(20);
      expect(after.serialNumber).not.toBe(before.serialNumber);
      expect(open?.destroyed).toBe(false);
      expect(open?.getPeerCertificate().serialNumber).toBe(before.serialNumber);
      agent.destroy();
    });

    test('When a CA is removed, then its clients are refused, also with a resumed session', async () => {
      const agent = new Agent({ ...client, maxSockets: 1 });
      await getSecurely(`${server.url}/quick`, { agent });
      expect(await getSecurely(`${server.url}/quick`, { agent })).toMatchObject({ resumed: true });
      const other = await CertificateAuthority.create('Next CA');
      const done = log.logged(({ msg }) => msg === 'TLS certificates reloaded');

      folder.put({ ca: other.certificate });
      await done;

      await expect(getSecurely(`${server.url}/quick`, { agent })).rejects.toMatchObject(broken);
    });
  });

  describe('that stops', () => {
    test('When a request is in flight, then it finishes, and idle connections are closed', async () => {
      const agent = new Agent({ ...client, keepAlive: true });
      await getSecurely(`${server.url}/quick`, { agent });
      const [idle] = Object.values(agent.freeSockets).flat();
      const idleEnded = new Promise((resolve) => idle?.once('close', resolve));
      const holding = log.logged(({ msg }) => msg === 'holding');
      const held = getSecurely(`${server.url}/hold`, client);
      await holding;

      const closed = server.close();
      release();

      expect(await held).toMatchObject({ status: 200, headers: { connection: 'close' } });
      await Promise.all([closed, idleEnded]);
      await expect(getSecurely(`${server.url}/quick`, client)).rejects.toMatchObject({
        code: 'ECONNREFUSED',
      });
    });

    test('When a connection never completes its handshake, then it is closed after 10 s', async () => {
      jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'performance'] });
      const silent = connectPlain(server.port, '127.0.0.1');
      await once(silent, 'connect');
      await getSecurely(`${server.url}/quick`, client);
      const ended = once(silent, 'close');

      const closed = server.close();
      await jest.advanceTimersByTimeAsync(10_000);

      await Promise.all([closed, ended]);
      jest.useRealTimers();
    });
  });
});

describe('A server with HEALTH_PORT', () => {
  beforeEach(() => start({ health: true }));

  const probe = (path: string) =>
    new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
      const call = plainRequest(`${server.healthUrl ?? ''}${path}`, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (piece: string) => (text += piece));
        response.once('end', () => {
          resolve({ status: response.statusCode, text });
        });
      });
      call.once('error', reject);
      call.end();
    });

  test('When a probe has no certificate, then it is answered on this port only', async () => {
    expect(server.healthUrl).toMatch(/^http:\/\/localhost:\d+$/);

    for (const path of ['/healthz', '/readyz', '/metrics']) {
      expect(await probe(path)).toMatchObject({ status: 200 });
      const call = getSecurely(`${server.url}${path}`, { ca: authority.certificate });
      await expect(call).rejects.toMatchObject(broken);
    }
    expect(await probe('/quick')).toMatchObject({ status: 404 });
  });

  test('When the server stops, then /readyz says so until the last request is answered, and then the port is closed', async () => {
    const holding = log.logged(({ msg }) => msg === 'holding');
    const held = getSecurely(`${server.url}/hold`, client);
    await holding;

    const closed = server.close();
    expect(await probe('/readyz')).toEqual({ status: 503, text: '{"status":"stopping"}' });
    release();

    expect(await held).toMatchObject({ status: 200 });
    await closed;
    await expect(probe('/readyz')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('When the port is in use, then the error names the setting', async () => {
    const { port } = new URL(server.healthUrl ?? '');
    const health = { app: express(), port: Number(port) };
    const options = { name: 'test', app: express(), host: '127.0.0.1', port: 0, logger: log.logger };

    await expect(serve({ ...options, health })).rejects.toMatchObject({
      name: 'ConfigError',
      message: `test: port ${port} on 127.0.0.1 is in use; stop the program that uses it, or choose another port with HEALTH_PORT=${Number(port) + 1} in the .env of test.`,
    });
  });

  test('When the main port is in use, then the port for probes is closed', async () => {
    const other = await serve({
      name: 'test',
      app: express(),
      host: '127.0.0.1',
      port: 0,
      logger: log.logger,
    });
    const free = other.port;
    await other.close();
    const options = { name: 'test', app: express(), host: '127.0.0.1', logger: log.logger };
    const health = { app: express(), port: free };

    await expect(serve({ ...options, port: server.port, health })).rejects.toThrow(`port ${server.port}`);

    const socket = connectPlain(free, '127.0.0.1');
    expect(await once(socket, 'error')).toMatchObject([{ code: 'ECONNREFUSED' }]);
  });
});

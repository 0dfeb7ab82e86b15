import './closedNetwork';
import http, { Agent, type IncomingMessage, request as httpRequest, Server } from 'node:http';
import { connect } from 'node:net';
import express from 'express';
import { createBaseApp, type Logger, Readiness, route, type RunningServer, serve } from '../src/index';
import { parseAnswer, sendRaw } from './rawHttp';
import { createTestLogger, type TestLogger } from './testLogger';

const host = '127.0.0.1';

/** A promise that `open` resolves. */
function gate() {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

interface Received {
  status: number | undefined;
  connection: string | undefined;
  body: string;
}

/** Sends a GET and reads the answer. Without an agent it opens a new connection, with keep-alive. */
function get(url: string, agent = new Agent({ keepAlive: true })): Promise<Received> {
  return new Promise((resolve, reject) => {
    const call = httpRequest(url, { agent }, (response: IncomingMessage) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => (body += text));
      response.on('end', () => {
        resolve({ status: response.statusCode, connection: response.headers.connection, body });
      });
      response.on('error', reject);
    });
    call.on('error', reject);
    call.end();
  });
}

describe('A server', () => {
  let log: TestLogger;
  let server: RunningServer;
  /** `arrived` opens when a request for /hold arrives. `release` answers it. */
  let arrived: ReturnType<typeof gate>;
  let release: ReturnType<typeof gate>;

  const start = (readiness?: Readiness, shutdownDelaySeconds = 0) => {
    const app = createBaseApp({ logger: log.logger, ...(readiness && { readiness }) }, (router) => {
      route(router, '/quick', {
        get: (_request, response) => {
          response.json('quick');
        },
      });
      route(router, '/hold', {
        get: async (_request, response) => {
          arrived.open();
          await release.opened;
          response.json('held');
        },
      });
    });
    const options = { shutdownDelaySeconds, ...(readiness && { readiness }) };
    return serve({ name: 'test', app, host, port: 0, logger: log.logger, ...options });
  };

  beforeEach(async () => {
    log = createTestLogger();
    arrived = gate();
    release = gate();
    server = await start(new Readiness());
  });

  afterEach(async () => {
    jest.useRealTimers();
    jest.restoreAllMocks();
    release.open();
    await server.close();
  });

  describe('that starts', () => {
    const listen = (port: number, at = host, logger: Logger = log.logger) =>
      serve({ name: 'test', app: express(), host: at, port, logger });

    test('When it listens, then its URL is returned and logged', () => {
      expect(server.url).toBe(`http://localhost:${server.port}`);
      expect(log.lines).toMatchObject([{ msg: 'listening', url: server.url }]);
    });

    test('When the port is in use, then the error names it, and says how to choose another', async () => {
      const { port } = server;

      await expect(listen(port)).rejects.toMatchObject({
        name: 'ConfigError',
        message: `test: port ${port} on 127.0.0.1 is in use; stop the program that uses it, or choose another port with PORT=${port + 1} in the .env of test.`,
      });
    });

    test('When the port is not allowed, then the error says so', async () => {
      jest.spyOn(Server.prototype, 'listen').mockImplementation(function (this: Server) {
        this.emit('error', Object.assign(new Error('denied'), { code: 'EACCES' }));
        return this;
      });

      await expect(listen(80)).rejects.toMatchObject({
        name: 'ConfigError',
        message: 'test: this user may not use port 80; choose another port with PORT=81 in the .env of test.',
      });
    });

    test('When the host is not an address of this machine, then the error says so', async () => {
      await expect(listen(0, '203.0.113.1')).rejects.toMatchObject({
        name: 'ConfigError',
        message: expect.stringMatching(/^test: cannot listen on 203\.0\.113\.1 port 0: /),
      });
    });

    test('When connections are not accepted later, then it logs each error and goes on', async () => {
      const created = jest.spyOn(http, 'createServer');
      const other = await listen(0);
      const [result] = created.mock.results;
      const underneath: unknown = result?.value;

      for (let times = 0; times < 3; times += 1) (underneath as Server).emit('error', new Error('EMFILE'));

      expect(log.lines.filter(({ msg }) => msg === 'connection not accepted')).toHaveLength(3);
      await other.close();
    });
  });

  describe('that receives broken requests', () => {
    test.each([
      ['bytes that are not HTTP', 'hello\r\n\r\n'],
      ['an unknown method', 'BREW / HTTP/1.1\r\nHost: a\r\n\r\n'],
      ['two lengths', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'],
      [
        'a length and chunks',
        'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
      ],
      ['a header with a line feed in it', 'GET / HTTP/1.1\r\nHost: a\r\nX-A: b\nc\r\n\r\n'],
    ])(
      'When it receives %s, then the answer is 400 in JSON, and the connection is closed',
      async (_name, bytes) => {
        const answer = parseAnswer(await sendRaw(server.port, bytes));

        expect(answer).toMatchObject({
          status: 400,
          headers: { connection: 'close', 'content-type': 'application/json' },
          body: { error: 'Bad Request', code: 'bad_request' },
        });
      },
    );

    test('When the headers are too large, then the answer is 431 in JSON', async () => {
      const received = await sendRaw(server.port, `GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`);

      expect(parseAnswer(received)).toMatchObject({
        status: 431,
        body: { code: 'request_header_fields_too_large' },
      });
    });

    const clientError = async (code: string) => {
      const created = jest.spyOn(http, 'createServer');
      const other = await start();
      const [result] = created.mock.results;
      const underneath: unknown = result?.value;
      (underneath as Server).on('connection', (socket) => {
        (underneath as Server).emit('clientError', Object.assign(new Error(code), { code }), socket);
      });
      const received = await sendRaw(other.port, '').catch((error: unknown) => error);
      await other.close();
      return received;
    };

    test('When a request arrives too slowly, then the answer is 408 in JSON', async () => {
      const received = await clientError('ERR_HTTP_REQUEST_TIMEOUT');

      expect(parseAnswer(String(received))).toMatchObject({ status: 408, body: { code: 'request_timeout' } });
    });

    test('When the client has disconnected, then there is no answer', async () => {
      expect(await clientError('ECONNRESET')).toBe('');
    });

    test('When it is created, then it has time limits for slow requests', async () => {
      const created = jest.spyOn(http, 'createServer');

      await (await start()).close();

      expect(created.mock.calls[0]?.[0]).toMatchObject({
        headersTimeout: 10_000,
        requestTimeout: 30_000,
        keepAliveTimeout: 65_000,
      });
    });

    test('When the client keeps its side open, then the connection is closed', async () => {
      const socket = connect({ port: server.port, host, allowHalfOpen: true });
      socket.write('hello\r\n\r\n');
      await new Promise((resolve) => socket.resume().once('end', resolve));
      const cut = new Promise((resolve) => socket.once('error', resolve));
      const probe = setInterval(() => socket.write('more'), 50);

      expect(await cut).toMatchObject({ code: expect.stringMatching(/ECONNRESET|EPIPE/) as string });
      clearInterval(probe);
    });

    test('When a valid request follows a broken one, then it is answered', async () => {
      await sendRaw(server.port, 'hello\r\n\r\n');

      expect(await get(`${server.url}/quick`)).toMatchObject({ status: 200, body: '"quick"' });
    });
  });

  describe('that stops', () => {
    test('When a request is in flight, then it finishes, /readyz is 503 meanwhile, and then the port is closed', async () => {
      const held = get(`${server.url}/hold`);
      await arrived.opened;

      const closed = server.close();
      const readyz = await get(`${server.url}/readyz`);
      release.open();

      expect(readyz).toEqual({ status: 503, connection: 'close', body: '{"status":"stopping"}' });
      expect(await held).toMatchObject({ status: 200, body: '"held"' });
      await closed;
      await expect(get(`${server.url}/readyz`)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
      expect(log.lines).toContainEqual(expect.objectContaining({ msg: 'stopping', requests: 1 }));
    });

    test.each([
      ['given its readiness', () => server],
      ['not given it', () => start()],
    ])('When connections are kept alive, and it is %s, then it closes them', async (_name, startIt) => {
      const it = await startIt();
      const agent = new Agent({ keepAlive: true });
      expect((await get(`${it.url}/quick`, agent)).connection).toBe('keep-alive');
      const [idle] = Object.values(agent.freeSockets).flat();
      const held = get(`${it.url}/hold`);
      await arrived.opened;
      const ended = new Promise((resolve) => idle?.once('close', resolve));

      const closed = it.close();
      release.open();

      await Promise.all([held, closed, ended]);
      expect(idle?.destroyed).toBe(true);
    });

    test('When it is closed twice, then the second call waits for the first', async () => {
      const held = get(`${server.url}/hold`);
      await arrived.opened;

      const closed = [server.close(), server.close()];
      release.open();

      await Promise.all(closed);
      expect(await held).toMatchObject({ status: 200 });
      await expect(server.close()).resolves.toBeUndefined();
    });

    describe('with a shutdown delay', () => {
      const agent = new Agent({ keepAlive: true });

      beforeEach(async () => {
        await server.close();
        jest.useFakeTimers({
          doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'Date', 'performance'],
        });
        server = await start(new Readiness(), 5);
      });
      afterEach(() => {
        agent.destroy();
      });

      test('When a load balancer polls /readyz every 100 ms, then no request fails, even on new connections', async () => {
        const answers: unknown[] = [];
        let out = false;
        const caller = async () => {
          while (!out) {
            const answer = get(`${server.url}/quick`, new Agent()).then(({ status }) => status);
            answers.push(await answer.catch((error: unknown) => error));
          }
        };

        const loadBalancer = async () => {
          while (!out) {
            await jest.advanceTimersByTimeAsync(100);
            const { status } = await get(`${server.url}/readyz`, new Agent());
            out = status === 503;
          }
        };

        const calling = caller();
        const closed = server.close();
        await loadBalancer().finally(() => (out = true));
        await calling;
        await jest.advanceTimersByTimeAsync(5_000);
        await closed;

        expect(answers.length).toBeGreaterThan(0);
        expect(answers.filter((status) => status !== 200)).toEqual([]);
      });

      test('When it is idle, then old and new connections are served until the delay is over', async () => {
        await get(`${server.url}/quick`, agent);

        const closed = server.close();
        await jest.advanceTimersByTimeAsync(4_999);
        expect(await get(`${server.url}/readyz`)).toMatchObject({ status: 503 });
        expect(await get(`${server.url}/quick`, agent)).toMatchObject({ status: 200, connection: 'close' });
        await jest.advanceTimersByTimeAsync(1);

        await closed;
        await expect(get(`${server.url}/quick`)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
      });
    });

    describe('while requests do not end', () => {
      beforeEach(() => {
        jest.useFakeTimers({
          doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'Date', 'performance'],
        });
      });

      test('When 5 s are over, then it stops listening; when 10 s are over, then it aborts them', async () => {
        const held = get(`${server.url}/hold`).catch((error: unknown) => error);
        await arrived.opened;
        const closed = server.close();

        await jest.advanceTimersByTimeAsync(4_999);
        expect(await get(`${server.url}/readyz`)).toMatchObject({ status: 503 });
        await jest.advanceTimersByTimeAsync(1);
        await expect(get(`${server.url}/readyz`)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
        await jest.advanceTimersByTimeAsync(5_000);

        expect(await held).toMatchObject({ code: 'ECONNRESET' });
        await closed;
      });

      test('When one ends after 5 s, then its connection is closed, and the stop is complete', async () => {
        const held = get(`${server.url}/hold`);
        await arrived.opened;
        const closed = server.close();
        await jest.advanceTimersByTimeAsync(5_000);

        release.open();

        expect(await held).toMatchObject({ status: 200 });
        await closed;
      });

      test('When a connection never sends anything, then it is closed', async () => {
        const silent = connect(server.port, host);
        await new Promise((resolve) => silent.once('connect', resolve));
        await get(`${server.url}/quick`);
        const ended = new Promise((resolve) => silent.once('close', resolve));

        const closed = server.close();
        await jest.advanceTimersByTimeAsync(10_000);

        await Promise.all([closed, ended]);
      });
    });
  });
});

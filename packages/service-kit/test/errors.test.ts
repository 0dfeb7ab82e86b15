import './closedNetwork';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import request from 'supertest';
import { z } from 'zod';
import {
  createBaseApp,
  HttpError,
  InvalidInputError,
  jsonBody,
  parseInput,
  route,
  serve,
} from '../src/index';
import { expectRefused } from './expectRefused';
import { parseAnswer, sendRaw } from './rawHttp';
import { createTestLogger, secretMark } from './testLogger';

const schema = z.strictObject(
  { name: z.string({ error: 'must be a string' }).optional() },
  { error: (issue) => (issue.code === 'invalid_type' ? 'must be a JSON object' : undefined) },
);

/** An app with a route that reads a body, and a route for each entry of `thrown` that throws it. */
function createApp(thrown: Readonly<Record<string, unknown>> = {}) {
  const { logger, lines, logged } = createTestLogger();
  const app = createBaseApp({ logger }, (router) => {
    route(router, '/body', {
      post: [
        jsonBody,
        (given, response) => {
          response.json({ given: parseInput(schema, given.body ?? {}) });
        },
      ],
    });
    route(router, '/things/:id', {
      get: (given, response) => {
        response.json(given.params);
      },
    });
    for (const [name, error] of Object.entries(thrown)) {
      route(router, `/${name}`, {
        get: () => {
          throw error;
        },
      });
    }
  });
  return { app, lines, logged };
}

const post = (body: string | Buffer, headers: Record<string, string> = {}) =>
  request(createApp().app)
    .post('/body')
    .set({ 'Content-Type': 'application/json', ...headers })
    .serialize((given: string) => given)
    .send(body);

describe('A body', () => {
  test('When it is valid, then it is parsed', async () => {
    const response = await post('{"name":"a"}');

    expect(response.body).toEqual({ given: { name: 'a' } });
  });

  test.each(['application/json; charset=utf-8', 'Application/JSON'])(
    'When its type is %s, then it is parsed',
    async (type) => {
      const response = await post('{"name":"a"}', { 'Content-Type': type });

      expect(response.status).toBe(200);
    },
  );

  test('When there is none, then its type is not checked', async () => {
    const response = await request(createApp().app).post('/body').set('Content-Length', '0');

    expect(response.body).toEqual({ given: {} });
  });

  test.each(['{', '{"name":', 'name=a', 'null', '7', '"text"', 'true', '{"a":1}}', '\u0000'])(
    'When it is %j, then the answer is 400 malformed_json',
    async (body) => {
      expectRefused(await post(body), 400, 'malformed_json');
    },
  );

  test('When malformed JSON contains a secret, then the log does not', async () => {
    const { app, lines } = createApp();

    await request(app)
      .post('/body')
      .set('Content-Type', 'application/json')
      .send(`{"s":${secretMark}}`)
      .expect(400);

    expect(lines[0]).toMatchObject({ code: 'malformed_json', msg: 'request refused or failed' });
    expect(JSON.stringify(lines)).not.toContain(secretMark.slice(0, 5));
  });

  test('When it has more than 100 kB, then the answer is 413', async () => {
    const body = (bytes: number) => `{"name":"${'x'.repeat(bytes - 11)}"}`;

    expect((await post(body(102_400))).status).toBe(200);
    expectRefused(await post(body(102_401)), 413, 'body_too_large');
  });

  test('When it is small but inflates to more than 100 kB, then the answer is 413', async () => {
    const bomb = gzipSync(`{"name":"${'x'.repeat(5_000_000)}"}`);

    expectRefused(await post(bomb, { 'Content-Encoding': 'gzip' }), 413, 'body_too_large');
  });

  test('When it is not compressed as its header says, then the answer is 400, without the message of zlib', async () => {
    const response = await post('{"name":"a"}', { 'Content-Encoding': 'gzip' });

    expectRefused(response, 400, 'invalid_request');
    expect(response.body).toMatchObject({ error: 'The request is not valid' });
  });

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'application/vnd.api+json', 'nonsense', ''])(
    'When its type is %j, then the answer is 415 unsupported_media_type',
    async (type) => {
      expectRefused(await post('{"name":"a"}', { 'Content-Type': type }), 415, 'unsupported_media_type');
    },
  );

  test('When its charset is unknown, then the answer is 415 unsupported_charset', async () => {
    const type = 'application/json; charset=klingon';

    expectRefused(await post('{"name":"a"}', { 'Content-Type': type }), 415, 'unsupported_charset');
  });

  test('When its encoding is unknown, then the answer is 415 unsupported_encoding', async () => {
    expectRefused(await post('{"name":"a"}', { 'Content-Encoding': 'pig' }), 415, 'unsupported_encoding');
  });

  test('When its client disconnects in the middle, then other requests are answered', async () => {
    const { app, logged } = createApp();
    const { logger } = createTestLogger();
    const server = await serve({ name: 'test', app, host: '127.0.0.1', port: 0, logger });
    const refused = logged(({ msg }) => msg === 'request refused or failed');

    const caller = connect(server.port, '127.0.0.1');
    caller.end(
      'POST /body HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{',
    );

    expect(await refused).toMatchObject({ level: 30, code: 'invalid_request' });
    expect((await fetch(`${server.url}/things/1`)).status).toBe(200);
    caller.destroy();
    await server.close();
  });
});

describe('An error', () => {
  test('When there is no such route, then the answer is 404', async () => {
    expectRefused(await request(createApp().app).get('/nowhere'), 404, 'not_found');
  });

  test.each(['/things/%E0%A4%A', '/things/%', '/things/%ff'])(
    'When the path is %s, malformed percent-encoding, then the answer is 400',
    async (path) => {
      const { logger } = createTestLogger();
      const server = await serve({ name: 'test', app: createApp().app, host: '127.0.0.1', port: 0, logger });

      const received = await sendRaw(
        server.port,
        `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
      );

      expectRefused(parseAnswer(received), 400, 'malformed_path');
      await server.close();
    },
  );

  test('When it is an HttpError, then the answer has its status, code, message, headers and details', async () => {
    const { app, lines } = createApp({
      teapot: new HttpError(418, 'teapot', 'I am a teapot', {
        headers: { 'X-Tea': 'green' },
        details: { cups: 2 },
        cause: new Error('inside'),
      }),
    });

    const response = await request(app).get('/teapot').set('X-Request-Id', 'tea-1');

    expectRefused(response, 418, 'teapot');
    expect(response.headers['x-tea']).toBe('green');
    expect(response.body).toEqual({ error: 'I am a teapot', code: 'teapot', cups: 2, request_id: 'tea-1' });
    expect(lines[0]).toMatchObject({ level: 30, code: 'teapot', reason: 'inside' });
    expect(lines[0]).not.toHaveProperty('err');
  });

  test.each([
    ['an error', new Error(secretMark.slice(1))],
    ['text', 'text'],
    ['a number', 418],
    ['a status without expose', { status: 400, code: 'inside', message: 'inside' }],
    [
      'a status that is not an error',
      { status: 200, expose: true, code: 'inside', message: 'inside', headers: {} },
    ],
    ['a status that is text', { status: '400', expose: true, code: 'inside', message: 'inside' }],
  ])('When %s is thrown, then the answer is a 500 without details', async (_name, thrown) => {
    const response = await request(createApp({ thrown }).app).get('/thrown');

    expectRefused(response, 500, 'internal_error');
    expect(response.body).toEqual({
      error: 'Internal server error',
      code: 'internal_error',
      request_id: expect.any(String),
    });
  });

  test('When the answer has begun, then the connection is closed, and nothing is added', async () => {
    const { logger, lines } = createTestLogger();
    const app = createBaseApp({ logger }, (router) => {
      route(router, '/late', {
        get: (_request, response) => {
          response.write('half');
          throw new HttpError(400, 'late', 'too late');
        },
      });
    });
    app.set('env', 'test');
    const server = await serve({ name: 'test', app, host: '127.0.0.1', port: 0, logger });

    const received = await sendRaw(server.port, 'GET /late HTTP/1.1\r\nHost: a\r\n\r\n');

    expect(received).toMatch(/^HTTP\/1\.1 200 /);
    expect(received).not.toContain('too late');
    expect(lines.some(({ code }) => code === 'late')).toBe(true);
    await server.close();
  });
});

describe('parseInput', () => {
  const fieldsOf = (input: unknown) => {
    try {
      parseInput(schema, input);
    } catch (error) {
      expect(error).toBeInstanceOf(InvalidInputError);
      return (error as InvalidInputError).details['fields'];
    }
    return 'accepted';
  };

  test('When several fields are invalid, then each is named with what it must be', () => {
    expect(fieldsOf({ name: 1, other: 2, more: 3 })).toEqual({
      name: 'must be a string',
      other: 'is not a field of this request',
      more: 'is not a field of this request',
    });
  });

  test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
    'When an unknown field is called %s, then it is named',
    (name) => {
      const fields = fieldsOf(JSON.parse(`{"${name}":1}`));

      expect(JSON.stringify(fields)).toBe(`{"${name}":"is not a field of this request"}`);
    },
  );

  test.each([[[]], ['text'], [null], [7]])(
    'When the input is %j, not an object, then the body is named',
    (input) => {
      expect(fieldsOf(input)).toEqual({ body: 'must be a JSON object' });
    },
  );

  test('When a field within another is unknown, then it is named with its path', () => {
    const nested = z.object({ inner: z.strictObject({}) });

    expect(() => parseInput(nested, { inner: { a: 1 } })).toThrow(
      expect.objectContaining({ details: { fields: { 'inner.a': 'is not a field of this request' } } }),
    );
  });
});

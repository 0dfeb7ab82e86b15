import '../../packages/service-kit/test/closedNetwork';
import request from 'supertest';
import { serve, type RunningServer } from 'service-kit';
import { expectRefused } from '../../packages/service-kit/test/expectRefused';
import { parseAnswer, sendRaw } from '../../packages/service-kit/test/rawHttp';
import {
  clientId,
  clientSecret,
  createPaymentServer,
  hint,
  m2mClient,
  nextSecret,
  type PaymentServer,
  type StytchCalls,
} from './paymentServer';

type Method = 'get' | 'post' | 'put' | 'delete' | 'head' | 'options' | 'patch';

const routes: [Method, string][] = [
  ['get', '/search-m2m-client'],
  ['post', '/create-m2m-client'],
  ['get', `/get-m2m-client/${clientId}`],
  ['put', `/update-m2m-client/${clientId}`],
  ['delete', `/delete-m2m-client/${clientId}`],
  ['get', '/start-secret-rotation'],
  ['post', '/start-secret-rotation'],
  ['get', '/complete-secret-rotation'],
  ['post', '/complete-secret-rotation'],
  ['get', '/cancel-secret-rotation'],
  ['post', '/cancel-secret-rotation'],
];

function expectNoStytchCall(calls: StytchCalls): void {
  for (const [name, call] of Object.entries(calls)) expect([name, call.mock.calls]).toEqual([name, []]);
}

describe('The admin routes', () => {
  let server: PaymentServer;

  beforeEach(async () => {
    server = await createPaymentServer();
  });

  const ask = (method: Method, path: string) =>
    request(server.app)[method](path).set('Authorization', `Bearer ${server.operator}`);

  describe('authorization', () => {
    test.each(routes)(
      'When %s %s comes without a token, then the answer is 401 with a hint',
      async (method, path) => {
        const response = await request(server.app)[method](path);

        expectRefused(response, 401, 'unauthorized');
        expect(response.body).toMatchObject({ error: 'Unauthorized', hint });
        expect(response.headers['www-authenticate']).toBe('Bearer realm="payment-server"');
        expectNoStytchCall(server.calls);
      },
    );

    test.each(routes)(
      'When %s %s comes with a bad token, then the answer is 401 with a hint',
      async (method, path) => {
        const response = await request(server.app)[method](path).set('Authorization', 'Bearer garbage');

        expectRefused(response, 401, 'invalid_token');
        expect(response.body).toMatchObject({ hint });
        expectNoStytchCall(server.calls);
      },
    );

    test.each(routes)(
      "When %s %s comes with payment-service's own token, then the answer is 403",
      async (method, path) => {
        const response = await request(server.app)
          [method](path)
          .set('Authorization', `Bearer ${await server.project.mint()}`);

        expectRefused(response, 403, 'insufficient_scope');
        expect(response.body).not.toHaveProperty('hint');
        expect(response.headers['www-authenticate']).toContain('scope="manage:m2m_clients"');
        expectNoStytchCall(server.calls);
      },
    );

    test.each([
      ['a 1 MB body', JSON.stringify({ client_name: 'x'.repeat(1_000_000) })],
      ['malformed JSON', '{'],
    ])(
      'When %s comes without a token, then the body is not read and the answer is 401',
      async (_name, body) => {
        for (const call of [
          request(server.app).post('/create-m2m-client'),
          request(server.app).put(`/update-m2m-client/${clientId}`),
        ]) {
          expectRefused(await call.type('json').send(body), 401, 'unauthorized');
        }
      },
    );

    test('When a request comes from another origin, then the answer has no CORS header', async () => {
      const response = await ask('get', '/search-m2m-client').set('Origin', 'https://evil.example');

      expect(response.headers).not.toHaveProperty('access-control-allow-origin');
    });

    test('When an operator makes too many requests to any routes, then the answer is 429', async () => {
      server = await createPaymentServer({ requestsPerMinute: 2 });
      await ask('get', '/search-m2m-client').expect(200);
      await ask('get', `/get-m2m-client/${clientId}`).expect(200);

      const response = await ask('post', '/start-secret-rotation');

      expectRefused(response, 429, 'too_many_requests');
      expect(Number(response.headers['retry-after'])).toBeGreaterThanOrEqual(1);
      await request(server.app).get('/healthz').expect(200);
    });

    test('When many requests from an operator’s address are refused, then the operator is still served', async () => {
      server = await createPaymentServer({ requestsPerMinute: 2 });
      const refused = () => request(server.app).post('/start-secret-rotation');
      await refused().expect(401);
      await refused().expect(401);

      expectRefused(await refused(), 429, 'too_many_requests');
      await ask('get', '/search-m2m-client').expect(200);
    });

    test.each(routes)(
      'When %s %s comes with a token of five minutes ago, then the answer is 401 token_too_old',
      async (method, path) => {
        const iat = Math.floor(Date.now() / 1_000) - 300;
        const token = await server.project.mint({ scope: 'manage:m2m_clients', iat });

        const response = await request(server.app)[method](path).set('Authorization', `Bearer ${token}`);

        expectRefused(response, 401, 'token_too_old');
        expect(response.body).toMatchObject({ hint });
        expectNoStytchCall(server.calls);
      },
    );
  });

  describe('the audit lines', () => {
    const create = { client_name: 'a-name', scopes: ['read:users'], client_secret: clientSecret };
    const update = { status: 'inactive', trusted_metadata: { note: 'a value' } };

    test.each<[string, Method, string, object | undefined, object]>([
      ['created', 'post', '/create-m2m-client', create, { action: 'create_client' }],
      [
        'updated',
        'put',
        `/update-m2m-client/${clientId}`,
        update,
        { action: 'update_client', fields: ['status', 'trusted_metadata'] },
      ],
      ['deleted', 'delete', `/delete-m2m-client/${clientId}`, undefined, { action: 'delete_client' }],
      ['rotated', 'get', '/start-secret-rotation', undefined, { action: 'start_secret_rotation' }],
    ])(
      'When a client is %s, then one audit line names the operator and the client',
      async (_what, method, path, body, change) => {
        const response = await ask(method, path).send(body);

        expect(response.status).toBe(200);
        const audits = server.log.lines.filter((line) => 'audit' in line).map(({ audit }) => audit);
        expect(audits).toEqual([
          {
            operator: 'm2m-client-test-operator',
            client_id: clientId,
            outcome: 'done',
            request_id: response.headers['x-request-id'],
            ...change,
          },
        ]);
        expect(JSON.stringify(audits)).not.toMatch(/a value|keep-this-out/);
      },
    );

    test('When a change fails, then one audit line says so', async () => {
      server.calls.delete.mockRejectedValue(new Error('secret-in-it'));

      await ask('delete', `/delete-m2m-client/${clientId}`).expect(503);

      expect(server.log.lines.filter((line) => 'audit' in line).map(({ audit }) => audit)).toEqual([
        expect.objectContaining({ action: 'delete_client', outcome: 'failed', client_id: clientId }),
      ]);
    });

    test('When nothing is changed, then there is no audit line', async () => {
      await ask('get', '/search-m2m-client').expect(200);
      await ask('put', `/update-m2m-client/${clientId}`).send({ status: 'gone' }).expect(400);
      await request(server.app).delete(`/delete-m2m-client/${clientId}`).expect(401);

      expect(server.log.lines.filter((line) => 'audit' in line)).toEqual([]);
    });
  });

  describe('GET /search-m2m-client', () => {
    test("When the query is empty, then Stytch gets the article's search", async () => {
      const response = await ask('get', '/search-m2m-client');

      expect(response.status).toBe(200);
      expect(response.body).toEqual({
        search_Result: {
          status_code: 200,
          request_id: 'request-id-test-1',
          m2m_clients: [m2mClient],
          results_metadata: { total: 1 },
        },
      });
      expect(server.calls.search.mock.calls).toEqual([
        [
          {
            limit: 100,
            query: {
              operator: 'OR',
              operands: [{ filter_name: 'client_name', filter_value: ['payment-service'] }],
            },
          },
        ],
      ]);
    });

    test.each([
      ['limit=1000', { limit: 1000 }],
      ['limit=1&cursor=abc', { limit: 1, cursor: 'abc' }],
      [
        'client_id=a&client_id=b',
        { query: { operator: 'OR', operands: [{ filter_name: 'client_id', filter_value: ['a', 'b'] }] } },
      ],
      [
        'operator=AND&client_name=n&scopes=read:users&scopes=b&client_id=i',
        {
          query: {
            operator: 'AND',
            operands: [
              { filter_name: 'client_name', filter_value: ['n'] },
              { filter_name: 'client_id', filter_value: ['i'] },
              { filter_name: 'scopes', filter_value: ['read:users', 'b'] },
            ],
          },
        },
      ],
    ])('When the query is %s, then Stytch gets that search', async (query, search) => {
      await ask('get', `/search-m2m-client?${query}`).expect(200);

      expect(server.calls.search.mock.calls).toEqual([[search]]);
    });

    const limitError = 'must be a whole number from 1 to 1000';
    test.each([
      ['limit=0', { limit: limitError }],
      ['limit=1001', { limit: limitError }],
      ['limit=1e2', { limit: limitError }],
      ['limit=', { limit: limitError }],
      ['limit=1&limit=2', { limit: 'must be given once' }],
      ['cursor=a&cursor=b', { cursor: 'must be given once' }],
      ['operator=or', { operator: 'must be AND or OR' }],
      ['operator=AND&operator=OR', { operator: 'must be AND or OR' }],
      ['secret=a', { secret: 'is not a field of this request' }],
      ['constructor=a', { constructor: 'is not a field of this request' }],
      ['client_name[$ne]=a', { 'client_name[$ne]': 'is not a field of this request' }],
      ['limit=x&other=1', { limit: limitError, other: 'is not a field of this request' }],
    ])('When the query is %s, then the answer is 400 and names what is wrong', async (query, fields) => {
      const response = await ask('get', `/search-m2m-client?${query}`);

      expectRefused(response, 400, 'invalid_request');
      expect(response.body).toMatchObject({ fields });
      expectNoStytchCall(server.calls);
    });
  });

  describe('POST /create-m2m-client', () => {
    test('When a client is created, then the answer contains its secret and must not be cached', async () => {
      const wanted = {
        client_id: 'my-client',
        client_secret: clientSecret,
        client_name: 'new',
        client_description: 'a new one',
        scopes: ['read:users'],
        trusted_metadata: { team: 'a', nested: { deep: [1] } },
      };

      const response = await ask('post', '/create-m2m-client').send(wanted);

      expect(response.status).toBe(200);
      expect(response.headers['cache-control']).toBe('no-store');
      expect(response.body).toEqual({
        created_m2mClient: {
          status_code: 200,
          request_id: 'request-id-test-1',
          m2m_client: { ...m2mClient, client_secret: clientSecret },
        },
      });
      expect(server.calls.create.mock.calls).toEqual([[wanted]]);
    });

    test.each([
      [{}, { scopes: 'must be an array of strings' }],
      [{ scopes: 'read:users' }, { scopes: 'must be an array of strings' }],
      [{ scopes: ['a', 1] }, { 'scopes.1': 'must be a string' }],
      [{ scopes: [], status: 'active' }, { status: 'is not a field of this request' }],
      [{ scopes: [], client_name: 1 }, { client_name: 'must be a string' }],
      [{ scopes: [], trusted_metadata: [] }, { trusted_metadata: 'must be a JSON object' }],
      [
        { scopes: [], client_id: 'bad id/x' },
        { client_id: 'must be the id of an M2M client: letters, digits and -._~ only' },
      ],
      [[], { body: 'must be a JSON object' }],
    ])('When the body is %j, then the answer is 400 and names what is wrong', async (body, fields) => {
      const response = await ask('post', '/create-m2m-client').send(body);

      expectRefused(response, 400, 'invalid_request');
      expect(response.body).toMatchObject({ fields });
      expectNoStytchCall(server.calls);
    });

    test('When malformed JSON contains a secret, then neither the answer nor the log quotes it', async () => {
      const response = await ask('post', '/create-m2m-client')
        .type('json')
        .send(`{"client_secret":${clientSecret}}`);

      expectRefused(response, 400, 'malformed_json');
      expect(response.text + JSON.stringify(server.log.lines)).not.toContain(clientSecret.slice(0, 6));
    });
  });

  test.each(['post /create-m2m-client', `put /update-m2m-client/${clientId}`])(
    'When %s comes with deeply nested metadata, then the answer is 400 and Stytch is not called',
    async (call) => {
      const [method = '', path = ''] = call.split(' ');
      const nested = `${'{"a":'.repeat(6_000)}1${'}'.repeat(6_000)}`;

      const response = await ask(method as Method, path)
        .type('json')
        .send(`{"scopes":["read:users"],"trusted_metadata":${nested}}`);

      expectRefused(response, 400, 'invalid_request');
      expect(response.body).toMatchObject({ fields: { trusted_metadata: 'must be nested at most 20 deep' } });
      expectNoStytchCall(server.calls);
    },
  );

  describe('/get-, /update- and /delete-m2m-client/:clientId', () => {
    test("When a client is requested, then the answer is Stytch's", async () => {
      const response = await ask('get', `/get-m2m-client/${clientId}`);

      expect([response.status, response.body]).toEqual([
        200,
        { m2mClient: { status_code: 200, request_id: 'request-id-test-1', m2m_client: m2mClient } },
      ]);
      expect(server.calls.get.mock.calls).toEqual([[{ client_id: clientId }]]);
    });

    test.each([
      [{ status: 'inactive' }],
      [
        {
          client_name: 'a',
          client_description: 'b',
          status: 'active',
          scopes: ['c'],
          trusted_metadata: { d: 1 },
        },
      ],
    ])(
      "When a client is updated with %j, then Stytch gets exactly that and the answer is Stytch's",
      async (changes) => {
        const response = await ask('put', `/update-m2m-client/${clientId}`).send(changes);

        expect([response.status, response.body]).toEqual([
          200,
          { updated_m2mClient: { status_code: 200, request_id: 'request-id-test-1', m2m_client: m2mClient } },
        ]);
        expect(server.calls.update.mock.calls).toEqual([[{ client_id: clientId, ...changes }]]);
      },
    );

    test.each([
      [{ status: 'paused' }, { status: 'must be active or inactive' }],
      [{ scopes: null }, { scopes: 'must be an array of strings' }],
      [{ client_id: 'other' }, { client_id: 'is not a field of this request' }],
      [{ client_secret: 'x' }, { client_secret: 'is not a field of this request' }],
      [{}, { body: expect.stringMatching(/^must have at least one of client_name/) }],
      [[], { body: 'must be a JSON object' }],
      [undefined, { body: 'must be a JSON object' }],
    ])('When the update is %j, then the answer is 400 and names what is wrong', async (body, fields) => {
      const response = await ask('put', `/update-m2m-client/${clientId}`).send(body);

      expectRefused(response, 400, 'invalid_request');
      expect(response.body).toMatchObject({ fields });
      expectNoStytchCall(server.calls);
    });

    test("When a client is deleted, then the answer is Stytch's", async () => {
      const response = await ask('delete', `/delete-m2m-client/${clientId}`);

      expect([response.status, response.body]).toEqual([
        200,
        { deleted_m2mClient: { status_code: 200, request_id: 'request-id-test-1', client_id: clientId } },
      ]);
      expect(server.calls.delete.mock.calls).toEqual([[{ client_id: clientId }]]);
    });

    describe('with an id that could change the path', () => {
      let running: RunningServer;

      beforeEach(async () => {
        const { logger } = server.log;
        running = await serve({ name: 'test', app: server.app, host: '127.0.0.1', port: 0, logger });
      });

      afterEach(() => running.close());

      const sendAsIs = async (method: string, path: string) => {
        const body = '{"status":"inactive"}';
        const received = await sendRaw(
          running.port,
          `${method} ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n` +
            `Authorization: Bearer ${server.operator}\r\n` +
            `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
        );
        return parseAnswer(received);
      };

      describe.each([
        ['GET', '/get-m2m-client/'],
        ['PUT', '/update-m2m-client/'],
        ['DELETE', '/delete-m2m-client/'],
      ])('%s %s', (method, path) => {
        test.each([
          '.',
          '..',
          '...',
          '%2e%2e',
          '.%2E',
          'a%2Fb',
          '..%2F..%2Fusers%2Fx',
          '%2e%2e%2f%2e%2e%2fusers%2fx',
          '..%5C..%5Cusers',
          'a%3Fb=c',
          'a%23b',
          'a%00',
          'a%0A',
          'a%20b',
          'a;b',
          'a%252Fb',
          '%C3%A9',
          'x'.repeat(129),
        ])('When the id is %s, then the answer is 400 and Stytch is not called', async (id) => {
          const answered = await sendAsIs(method, path + id);

          expectRefused(answered, 400, 'invalid_request');
          expect(answered.body).toMatchObject({
            fields: { clientId: expect.stringMatching(/^must be the id/) },
          });
          expectNoStytchCall(server.calls);
        });

        test.each(['../../users/x', 'a/b', '../users', ''])(
          'When the id is %j, then the answer is 404 and Stytch is not called',
          async (id) => {
            expectRefused(await sendAsIs(method, path + id), 404, 'not_found');
            expectNoStytchCall(server.calls);
          },
        );

        test('When the id is malformed percent-encoding, then the answer is 400', async () => {
          expectRefused(await sendAsIs(method, `${path}%E0%A4%A`), 400, 'malformed_path');
          expectNoStytchCall(server.calls);
        });

        test.each(['m2m-client-test-1', 'my.client', 'a_b~c', 'x'.repeat(128)])(
          'When the id is %s, then Stytch is called with it',
          async (id) => {
            expect((await sendAsIs(method, path + id)).status).toBe(200);
          },
        );
      });
    });
  });

  describe('the rotation', () => {
    test.each(['get', 'post'] as const)(
      'When the rotation is started with %s, then the answer is the next secret and must not be cached',
      async (method) => {
        const response = await ask(method, '/start-secret-rotation');

        expect([response.status, response.body]).toEqual([200, nextSecret]);
        expect(response.headers['cache-control']).toBe('no-store');
        expect(server.calls.rotateStart.mock.calls).toEqual([[{ client_id: clientId }]]);
      },
    );

    test.each(['get', 'post'] as const)(
      'When the rotation is completed with %s, then the answer says so',
      async (method) => {
        await ask('post', '/start-secret-rotation').expect(200);

        const response = await ask(method, '/complete-secret-rotation');

        expect([response.status, response.body]).toEqual([
          200,
          {
            message: 'Secret rotation completed successfully',
            warning: expect.stringContaining('store it in CLIENT_SECRET'),
          },
        ]);
        expect(server.calls.rotate.mock.calls).toEqual([[{ client_id: clientId }]]);
      },
    );

    test.each(['get', 'post'] as const)(
      'When the rotation is cancelled with %s, then the answer says so',
      async (method) => {
        await ask('post', '/start-secret-rotation').expect(200);

        const response = await ask(method, '/cancel-secret-rotation');

        expect([response.status, response.body]).toEqual([
          200,
          { message: 'Secret rotation cancelled successfully' },
        ]);
        expect(server.calls.rotateCancel.mock.calls).toEqual([[{ client_id: clientId }]]);
      },
    );

    describe.each(['/start-secret-rotation', '/complete-secret-rotation', '/cancel-secret-rotation'])(
      '%s',
      (path) => {
        test.each(['head', 'options', 'put', 'delete', 'patch'] as const)(
          'When the method is %s, then nothing changes and the answer is 405',
          async (method) => {
            const response = await ask(method, path);

            expect(response.status).toBe(405);
            expect(response.headers['allow']).toBe('GET, POST');
            expectNoStytchCall(server.calls);
          },
        );
      },
    );

    test('When completion would leave the server without a working secret, then a 409 says what to do', async () => {
      const inRotation = { ...m2mClient, next_client_secret_last_four: 'zzzz' };
      server.calls.get.mockResolvedValue({ request_id: 'r', status_code: 200, m2m_client: inRotation });

      const response = await ask('post', '/complete-secret-rotation');

      expectRefused(response, 409, 'rotation_conflict');
      expect(response.body).toMatchObject({
        error: expect.stringContaining('restart with the next secret'),
      });
      expect(server.calls.rotate).not.toHaveBeenCalled();
    });
  });

  test('When a route does not hand out a secret, then its answer contains no secret', async () => {
    const texts = await Promise.all(
      [
        ask('get', '/search-m2m-client'),
        ask('get', `/get-m2m-client/${clientId}`),
        ask('put', `/update-m2m-client/${clientId}`).send({ client_name: 'a' }),
        ask('delete', `/delete-m2m-client/${clientId}`),
        ask('post', '/complete-secret-rotation'),
        ask('post', '/cancel-secret-rotation'),
      ].map(async (call) => (await call).text),
    );

    expect(texts.join('\n')).not.toMatch(new RegExp(`${clientSecret}|${nextSecret}`));
  });
});

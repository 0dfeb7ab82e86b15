import '../../packages/service-kit/test/closedNetwork';
import { createAuthorizer } from 'stytch-m2m';
import { RequestError } from 'stytch';
import request from 'supertest';
import { expectRefused } from '../../packages/service-kit/test/expectRefused';
import { createTestLogger, type TestLogger } from '../../packages/service-kit/test/testLogger';
import { createApp } from '../src/app';
import { createStytchProject, projectId, type StytchProject } from './stytchProject';

const path = '/api/check-balance';
const john = '67uhjio098uhgt6l';

describe('POST /api/check-balance', () => {
  let project: StytchProject;
  let log: TestLogger;
  let app: ReturnType<typeof createApp>;
  let token: string;

  beforeAll(async () => {
    project = await createStytchProject();
    token = await project.mint();
  });

  beforeEach(() => {
    log = createTestLogger();
    const authorizer = createAuthorizer({ client: project.client, projectId, realm: 'wallet-server' });
    app = createApp({ logger: log.logger, authorizer });
  });

  const ask = (body: unknown, accessToken = token) =>
    request(app)
      .post(path)
      .set('Authorization', `Bearer ${accessToken}`)
      .set('Content-Type', 'application/json')
      .send(typeof body === 'string' ? body : JSON.stringify(body));

  describe('with a valid token', () => {
    test.each([
      [john, { customerName: 'john_doe', walletId: 'oipk9ifgl7yto9w', walletBalance: 1790 }],
      ['plu8iio0t3uhh06h', { customerName: 'jane_doe', walletId: 'ui099jlolrrao6g', walletBalance: 970 }],
    ])('When the customer is %s, then the answer is the wallet', async (customerId, wallet) => {
      const response = await ask({ customerId });

      expect(response.status).toBe(200);
      expect(response.body).toEqual(wallet);
    });

    test('When the body is the whole payment, then the other fields are ignored', async () => {
      const payment = { customerId: john, debitAmount: 769, destinationWalletId: 'yh809ikol7plo98' };

      expect((await ask(payment)).body).toMatchObject({ walletBalance: 1790 });
    });

    test.each([
      [{ customerId: 'nobody' }],
      [{ customerId: '' }],
      [{ customerId: null }],
      [{ customerId: [john] }],
      [{ customerId: { toString: john } }],
      [{ customerId: `${john} ` }],
      [{ customerid: john }],
      [{ customerId: '__proto__' }],
      [{}],
      [[]],
      [[john]],
    ])('When the body is %j, then the answer is 400 Invalid customer', async (body) => {
      const response = await ask(body);

      expectRefused(response, 400, 'invalid_customer');
      expect(response.body).toMatchObject({ error: 'Invalid customer' });
    });

    test('When there is no body, then the answer is 400 Invalid customer', async () => {
      const response = await request(app).post(path).set('Authorization', `Bearer ${token}`);

      expectRefused(response, 400, 'invalid_customer');
    });

    test.each(['{"customerId":', 'null', `"${john}"`])(
      'When the body is %s, then the answer is 400 malformed_json',
      async (body) => {
        expectRefused(await ask(body), 400, 'malformed_json');
      },
    );

    test('When the body is over 100 kB, then the answer is 413', async () => {
      expectRefused(await ask({ customerId: 'x'.repeat(102_400) }), 413, 'body_too_large');
    });

    test('When the body is not JSON, then the answer is 415', async () => {
      const response = await request(app)
        .post(path)
        .set('Authorization', `Bearer ${token}`)
        .type('form')
        .send({ customerId: john });

      expectRefused(response, 415, 'unsupported_media_type');
    });
  });

  describe('without a valid token', () => {
    test('When there is no token, then the answer is 401 Unauthorized with a challenge', async () => {
      const response = await request(app).post(path).send({ customerId: john });

      expectRefused(response, 401, 'unauthorized');
      expect(response.body).toMatchObject({ error: 'Unauthorized' });
      expect(response.headers['www-authenticate']).toBe('Bearer realm="wallet-server"');
    });

    test.each([
      ['garbage', () => 'garbage'],
      ['expired', () => project.mint({ exp: Math.floor(Date.now() / 1_000) - 60 })],
      ['for another project', () => project.mint({ aud: ['project-test-other'] })],
      ['without an expiry', () => project.mint({ exp: undefined })],
      ['without a scope claim', () => project.mint({ scope: undefined })],
    ])('When it is %s, then the answer is 401 invalid_token without the reason', async (_name, mint) => {
      const response = await ask({ customerId: john }, await mint());

      expectRefused(response, 401, 'invalid_token');
      expect(response.body).toMatchObject({ error: 'Unauthorized' });
      expect(response.headers['www-authenticate']).toBe(
        'Bearer realm="wallet-server", error="invalid_token"',
      );
    });

    test('When it lacks the scope, then the answer is 403 and names it', async () => {
      const response = await ask(
        { customerId: john },
        await project.mint({ scope: 'write:users read:users:own' }),
      );

      expectRefused(response, 403, 'insufficient_scope');
      expect(response.headers['www-authenticate']).toBe(
        'Bearer realm="wallet-server", error="insufficient_scope", scope="read:users"',
      );
    });

    test('When it is in the query or the body, then it is ignored', async () => {
      const response = await request(app)
        .post(`${path}?access_token=${token}`)
        .send({ customerId: john, access_token: token });

      expectRefused(response, 401, 'unauthorized');
    });

    test('When the JWKS is unavailable, then the answer is 503 with Retry-After', async () => {
      project.getJWKS.mockRejectedValueOnce(
        new RequestError('fetch failed', { url: '/v1/sessions/jwks', method: 'GET' }),
      );

      const response = await ask({ customerId: john });

      expectRefused(response, 503, 'authorization_unavailable');
      expect(Number(response.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    });
  });

  describe('before authorization', () => {
    test.each([
      ['a 1 MB body', JSON.stringify({ customerId: 'x'.repeat(1_000_000) }), 'application/json'],
      ['malformed JSON', '{"customerId":', 'application/json'],
      ['null', 'null', 'application/json'],
      ['another content type', 'customerId=a', 'application/x-www-form-urlencoded'],
      ['an unknown charset', '{}', 'application/json; charset=klingon'],
    ])(
      'When %s comes without a token, then the answer is 401, and the body is not parsed',
      async (_name, body, type) => {
        const response = await request(app).post(path).set('Content-Type', type).send(body);

        expectRefused(response, 401, 'unauthorized');
      },
    );
  });

  describe('on other methods and paths', () => {
    test.each(['get', 'head', 'put', 'delete', 'patch', 'options'] as const)(
      'When the method is %s, then the answer is 405, which allows POST',
      async (method) => {
        const response = await request(app)[method](path).set('Authorization', `Bearer ${token}`);

        expect(response.status).toBe(405);
        expect(response.headers['allow']).toBe('POST');
      },
    );

    test.each(['/', '/api', '/api/check-balance/more', '/api/%2e%2e/api/check-balance'])(
      'When the path is %s, then the answer is 404',
      async (other) => {
        expectRefused(
          await request(app).post(other).set('Authorization', `Bearer ${token}`),
          404,
          'not_found',
        );
      },
    );

    test('When many requests come without a token, then there is no rate limit', async () => {
      const statuses = await Promise.all(
        Array.from({ length: 150 }, async () => (await request(app).post(path)).status),
      );

      expect(new Set(statuses)).toEqual(new Set([401]));
    });
  });

  test('When requests are answered and refused, then the log has neither claims nor customers', async () => {
    await ask({ customerId: john });
    await ask({ customerId: john }, 'garbage');

    expect(log.lines.map(({ msg }) => msg)).toEqual([
      'request answered',
      'request refused or failed',
      'request answered',
    ]);
    expect(JSON.stringify(log.lines)).not.toMatch(/payment-service|john_doe|67uhjio098uhgt6l|1790/);
  });
});

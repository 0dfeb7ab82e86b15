import '../../packages/service-kit/test/closedNetwork';
import { readFileSync } from 'node:fs';
import { Client } from 'stytch';
import { stytchDispatcher } from 'stytch-m2m';
import request from 'supertest';
import { secretMark } from '../../packages/service-kit/test/testLogger';
import {
  createStytchProject,
  projectId,
  projectSecret,
  type StytchProject,
} from '../../wallet-server/test/stytchProject';
import { readPaymentConfig } from '../src/config';
import { start } from '../src/server';
import { clientId, clientSecret, nextSecret, type StytchCalls, mockStytchCalls } from './paymentServer';
import { answer, good, startFakeWallet, type FakeWallet } from './fakeWallet';

jest.mock('stytch', () => ({ ...jest.requireActual<object>('stytch'), Client: jest.fn() }));

describe('start', () => {
  let wallet: FakeWallet;
  let project: StytchProject;
  let calls: StytchCalls;
  let environment: Record<string, string>;

  beforeAll(async () => {
    wallet = await startFakeWallet();
  });

  beforeEach(async () => {
    wallet.behave(good);
    project = await createStytchProject();
    calls = mockStytchCalls(project.client);
    jest
      .mocked(Client)
      .mockReset()
      .mockImplementation(() => project.client);
    environment = {
      PORT: '0',
      LOG_LEVEL: 'silent',
      STYTCH_PROJECT_ID: projectId,
      STYTCH_SECRET: projectSecret,
      CLIENT_ID: clientId,
      CLIENT_SECRET: clientSecret,
      WALLET_SERVER_URL: `${wallet.url}/`,
    };
  });

  afterAll(() => wallet.close());

  const operatorToken = (claims: object = {}) =>
    project.mint({ sub: 'm2m-client-test-operator', scope: 'manage:m2m_clients', ...claims });

  test('When the server starts, then it is ready only when it has the signing keys', async () => {
    let deliver: () => void = () => undefined;
    const delivered = new Promise<void>((resolve) => {
      deliver = resolve;
    });
    const jwks = await project.client.sessions.getJWKS({ project_id: projectId });
    project.getJWKS.mockClear().mockImplementation(() => delivered.then(() => jwks));

    const server = await start(environment);
    await request(server.url).get('/readyz').expect(503, { status: 'not_ready' });
    expect(project.getJWKS).toHaveBeenCalledTimes(1);
    deliver();
    await request(server.url)
      .get('/search-m2m-client')
      .set('Authorization', `Bearer ${await operatorToken()}`)
      .expect(200);

    await request(server.url).get('/readyz').expect(200, { status: 'ready' });
    await server.close();
    await expect(request(server.url).get('/readyz')).rejects.toThrow('ECONNREFUSED');
  });

  test('When a payment is requested, then its token is requested with the credentials of the environment', async () => {
    const server = await start(environment);

    const response = await request(server.url).get('/initiate-payment');

    expect(response.body).toBe('john_doe your payment of 769 to yh809ikol7plo98 was successful!');
    expect(calls.token.mock.calls).toEqual([
      [{ client_id: clientId, client_secret: clientSecret, scopes: ['read:users'] }],
    ]);
    await server.close();
  });

  test('When the secret has been rotated, then the next token is requested with the next secret', async () => {
    const server = await start(environment);
    const authorization = `Bearer ${await operatorToken()}`;
    await request(server.url).post('/start-secret-rotation').set('Authorization', authorization).expect(200);
    await request(server.url)
      .post('/complete-secret-rotation')
      .set('Authorization', authorization)
      .expect(200);

    await request(server.url).get('/initiate-payment').expect(200);

    // The first request verifies the secret, the second is for the payment.
    const withNextSecret = [expect.objectContaining({ client_secret: nextSecret })];
    expect(calls.token.mock.calls).toEqual([withNextSecret, withNextSecret]);
    await server.close();
  });

  test('When tokens are issued, cached, invalidated and unavailable, then /metrics counts them', async () => {
    const server = await start(environment);
    const pay = () => request(server.url).get('/initiate-payment');
    await pay().expect(200);
    await pay().expect(200);
    wallet.behave(answer(401, '{"code":"invalid_token"}'), good);
    await pay().expect(200);
    // A second later, because at most one token a second is invalidated.
    const now = performance.now.bind(performance);
    const clock = jest.spyOn(performance, 'now').mockImplementation(() => now() + 1_000);
    wallet.behave(answer(401, '{"code":"invalid_token"}'), good);
    calls.token.mockRejectedValue(
      Object.assign(new Error(), { status_code: 400, error_type: 'invalid_client' }),
    );
    await pay().expect(502);
    await request(server.url).get('/search-m2m-client').expect(401);
    await request(server.url)
      .get('/search-m2m-client')
      .set('Authorization', `Bearer ${await operatorToken()}`)
      .expect(200);

    const { text } = await request(server.url).get('/metrics');

    for (const figure of [
      'access_token_requests_total{result="issued"} 1',
      'access_token_requests_total{result="refreshed"} 1',
      'access_token_requests_total{result="failed"} 1',
      'access_token_cache_hits_total 3',
      'access_tokens_invalidated_total 2',
      'access_token_request_duration_seconds_count 2',
      'authorizations_total{outcome="unauthorized"} 1',
      'authorizations_total{outcome="allowed"} 1',
      'authorizations_total{outcome="insufficient_scope"} 0',
      'jwks_fetches_total{result="fetched"} 1',
      'jwks_fetches_total{result="failed"} 0',
      'http_request_duration_seconds_count{method="POST",route="/initiate-payment",status="504"} 0',
      'http_request_duration_seconds_count{method="GET",route="/initiate-payment",status="200"} 3',
      'http_request_duration_seconds_count{method="GET",route="/initiate-payment",status="502"} 1',
    ]) {
      expect(text.split('\n')).toContain(figure);
    }
    expect(text).toContain('process_resident_memory_bytes');
    clock.mockRestore();
    await server.close();
  });

  test('When ADMIN_RATE_LIMIT is set, then it limits the admin routes', async () => {
    const server = await start({ ...environment, ADMIN_RATE_LIMIT: '1' });

    await request(server.url).get('/search-m2m-client').expect(401);
    await request(server.url).get('/search-m2m-client').expect(429);
    await server.close();
  });

  test('When ADMIN_MAX_TOKEN_AGE_SECONDS is set, then older tokens are accepted', async () => {
    const server = await start({ ...environment, ADMIN_MAX_TOKEN_AGE_SECONDS: '3600' });
    const issuedAt = Math.floor(Date.now() / 1_000) - 1_000;

    await request(server.url)
      .get('/search-m2m-client')
      .set('Authorization', `Bearer ${await operatorToken({ iat: issuedAt })}`)
      .expect(200);
    await server.close();
  });

  test.each([
    ['local-stytch', { STYTCH_BASE_URL: 'http://localhost:5005/' }, 'http://localhost:5005', projectId],
    ['a test project', {}, 'https://test.stytch.com', projectId],
    ['a live project', { STYTCH_PROJECT_ID: 'project-live-1' }, 'https://api.stytch.com', 'project-live-1'],
  ])(
    'When the server uses %s, then the hint of a 401 has its token endpoint and no secret',
    async (_name, more, base, id) => {
      const server = await start({ ...environment, ...more });

      const { body, text } = await request(server.url).get('/search-m2m-client').expect(401);

      expect(body).toMatchObject({
        hint: expect.stringContaining(`curl ${base}/v1/public/${id}/oauth2/token -d `),
      });
      expect(body).toMatchObject({ hint: expect.stringContaining('scope manage:m2m_clients') });
      expect(text).not.toContain(secretMark);
      const [[settings]] = jest.mocked(Client).mock.calls as [[ConstructorParameters<typeof Client>[0]]];
      expect(settings).toEqual({
        project_id: id,
        secret: projectSecret,
        dispatcher: stytchDispatcher,
        ...('STYTCH_BASE_URL' in more && { env: base }),
      });
      await server.close();
    },
  );

  test('When variables are missing, then start rejects and creates no Stytch client', async () => {
    await expect(start({ PORT: '0' })).rejects.toMatchObject({ name: 'ConfigError' });

    expect(Client).not.toHaveBeenCalled();
  });
});

describe('readPaymentConfig', () => {
  const credentials = {
    STYTCH_PROJECT_ID: projectId,
    STYTCH_SECRET: projectSecret,
    CLIENT_ID: clientId,
    CLIENT_SECRET: clientSecret,
  };

  test('When there are no credentials, then the message names each of them and two ways to get them', () => {
    const read = () => readPaymentConfig({});

    expect(read).toThrow('STYTCH_PROJECT_ID: is missing: the id of your Stytch project');
    expect(read).toThrow('STYTCH_SECRET: is missing: the secret of your Stytch project');
    expect(read).toThrow('CLIENT_ID: is missing: the id of the M2M client payment-service');
    expect(read).toThrow('CLIENT_SECRET: is missing: the secret of the M2M client payment-service');
    expect(read).toThrow(/without an account: run "npm start".*or "npm run local-stytch"/);
    expect(read).toThrow(/with one: .*https:\/\/stytch\.com\/dashboard[^]*npm run setup/);
  });

  test('When settings are wrong, then the message names each and never quotes a secret', () => {
    const read = () =>
      readPaymentConfig({
        ...credentials,
        STYTCH_BASE_URL: 'http://stytch.example',
        WALLET_SERVER_URL: 'wallet',
        ADMIN_RATE_LIMIT: '0',
      });

    expect(read).toThrow(/STYTCH_BASE_URL: must be https:\/\//);
    expect(read).toThrow(/WALLET_SERVER_URL: must be an http:\/\/ or https:\/\/ address/);
    expect(read).toThrow(/ADMIN_RATE_LIMIT: must be a whole number from 1 to 1000000/);
    expect(read).not.toThrow(secretMark);
  });

  test('When the wallet-server is on another host, then its address must be https', () => {
    const elsewhere = (url: string) => readPaymentConfig({ ...credentials, WALLET_SERVER_URL: url });

    expect(() => elsewhere('http://wallet.example')).toThrow(/WALLET_SERVER_URL: must be https:\/\//);
    expect(elsewhere('https://wallet.example/').WALLET_SERVER_URL).toBe('https://wallet.example');
  });

  test("When the project's secret is in a file, then STYTCH_SECRET is not required", () => {
    const { STYTCH_PROJECT_ID, CLIENT_ID, CLIENT_SECRET } = credentials;
    const environment = { STYTCH_PROJECT_ID, CLIENT_ID, CLIENT_SECRET, STYTCH_SECRET_FILE: __filename };
    const { STYTCH_SECRET } = readPaymentConfig(environment);

    expect(STYTCH_SECRET).toBe(readFileSync(__filename, 'utf8').trimEnd());
  });

  test('When only the credentials are set, then the defaults are those of the article', () => {
    expect(readPaymentConfig(credentials)).toEqual({
      ...credentials,
      PORT: 6000,
      HOST: '127.0.0.1',
      OTEL_BSP_SCHEDULE_DELAY: 5_000,
      OTEL_SDK_DISABLED: false,
      OTEL_TRACES_SAMPLER: 'parentbased_always_on',
      OTEL_TRACES_SAMPLER_ARG: 1,
      LOG_LEVEL: 'info',
      SHUTDOWN_DELAY_SECONDS: 0,
      WALLET_SERVER_URL: 'http://localhost:4000',
      ADMIN_RATE_LIMIT: 120,
      ADMIN_MAX_TOKEN_AGE_SECONDS: 300,
    });
  });
});

import '../../packages/service-kit/test/closedNetwork';
import request from 'supertest';
import { Client, RequestError, StytchError } from 'stytch';
import { stytchConfig } from 'stytch-m2m';
import { expectRefused } from '../../packages/service-kit/test/expectRefused';
import { secretMark } from '../../packages/service-kit/test/testLogger';
import { clientId, createPaymentServer, type PaymentServer, type StytchCalls } from './paymentServer';
import { answer, startFakeWallet, type FakeWallet } from './fakeWallet';

const stytchError = (status_code: number, error_type: string, error_message = 'Stytch says so.') =>
  new StytchError({
    status_code,
    request_id: 'request-id-test-2',
    error_type,
    error_message,
    error_url: `https://stytch.com/docs/api/errors/${status_code}#${error_type}`,
    error_details: undefined,
  });

const oauthError = (status_code: number, error: string) =>
  new StytchError({
    status_code,
    request_id: 'request-id-test-3',
    error,
    error_description: 'Stytch says so.',
    error_uri: '',
  });

const networkError = () =>
  new RequestError('fetch failed', {
    url: '/v1/m2m/clients',
    method: 'POST',
    headers: { Authorization: `Basic ${secretMark}` },
    dataRaw: `client_secret=${secretMark}`,
  });

describe('failures of Stytch', () => {
  let wallet: FakeWallet;
  let server: PaymentServer;

  beforeAll(async () => {
    wallet = await startFakeWallet();
  });

  beforeEach(async () => {
    server = await createPaymentServer({ walletUrl: wallet.url, tokenDeadline: 50 });
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  afterAll(() => wallet.close());

  const calls: [keyof StytchCalls, 'get' | 'post' | 'put' | 'delete', string, object | undefined][] = [
    ['search', 'get', '/search-m2m-client', undefined],
    ['create', 'post', '/create-m2m-client', { scopes: [] }],
    ['get', 'get', `/get-m2m-client/${clientId}`, undefined],
    ['update', 'put', `/update-m2m-client/${clientId}`, { client_name: 'a' }],
    ['delete', 'delete', `/delete-m2m-client/${clientId}`, undefined],
    ['rotateStart', 'post', '/start-secret-rotation', undefined],
    ['rotate', 'get', '/complete-secret-rotation', undefined],
    ['rotateCancel', 'post', '/cancel-secret-rotation', undefined],
  ];

  describe.each(calls)('in the call %s', (call, method, path, body) => {
    const ask = () =>
      request(server.app)[method](path).set('Authorization', `Bearer ${server.operator}`).send(body);

    beforeEach(async () => {
      if (call !== 'rotate' && call !== 'rotateCancel') return;
      await request(server.app)
        .post('/start-secret-rotation')
        .set('Authorization', `Bearer ${server.operator}`)
        .expect(200);
    });

    test.each([
      [400, 'm2m_client_not_rotating_secret'],
      [404, 'm2m_client_not_found'],
      [429, 'too_many_requests'],
      [500, 'internal_server_error'],
    ])(
      'When Stytch refuses with %d %s, then the answer has the same status and code',
      async (status, errorType) => {
        server.calls[call].mockRejectedValue(stytchError(status, errorType));

        const response = await ask();

        expectRefused(response, status, errorType);
        expect(response.body).toMatchObject({
          error: 'Stytch says so.',
          error_type: errorType,
          stytch_request_id: 'request-id-test-2',
        });
      },
    );

    test('When Stytch refuses the credentials of this service, then the answer is 502, never 401', async () => {
      server.calls[call].mockRejectedValue(stytchError(401, 'unauthorized_credentials'));

      const response = await ask();

      expectRefused(response, 502, 'stytch_refused_credentials');
      expect(response.headers).not.toHaveProperty('www-authenticate');
      expect(response.body).not.toHaveProperty('hint');
    });

    test('When Stytch is unreachable, then the answer is 503 with Retry-After and without secrets', async () => {
      server.calls[call].mockRejectedValue(networkError());

      const response = await ask();

      expectRefused(response, 503, 'stytch_unreachable');
      expect(response.headers['retry-after']).toBe('1');
      expect(response.text).not.toContain(secretMark);
    });

    test('When Stytch does not answer with JSON, then the answer is 503', async () => {
      server.calls[call].mockRejectedValue(
        new RequestError('Unable to parse JSON', { url: '', method: 'GET' }),
      );

      expectRefused(await ask(), 503, 'stytch_unreachable');
    });

    test('When Stytch does not answer within 5 s, then the answer is 504 with Retry-After', async () => {
      jest.useFakeTimers({
        doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'Date', 'performance'],
      });
      const asked = new Promise<void>((resolve) => {
        server.calls[call].mockImplementation(() => {
          resolve();
          return new Promise<never>(() => undefined);
        });
      });
      const answered = ask().then((response) => response);
      await asked;

      await jest.advanceTimersByTimeAsync(5_000);

      const response = await answered;
      expectRefused(response, 504, 'stytch_timeout');
      expect(response.headers['retry-after']).toBe('1');
    });
  });

  describe('in a token request', () => {
    const pay = () => request(server.app).get('/initiate-payment');

    test.each([
      [400, 'invalid_client'],
      [400, 'invalid_scope'],
      [401, 'unauthorized_credentials'],
    ])(
      'When Stytch refuses with %d %s, then the answer is 502, never 401, and the wallet is not called',
      async (status, error) => {
        wallet.requests.length = 0;
        server.calls.token.mockRejectedValue(oauthError(status, error));

        expectRefused(await pay(), 502, 'stytch_refused_credentials');
        expect(wallet.requests).toEqual([]);
      },
    );

    test.each([
      ['cannot be reached', networkError()],
      ['is too busy', oauthError(429, 'too_many_requests')],
      ['fails', stytchError(500, 'internal_server_error')],
    ])('When Stytch %s, then the answer is 503 with Retry-After', async (_name, error) => {
      server.calls.token.mockRejectedValue(error);

      const response = await pay();

      expectRefused(response, 503, 'stytch_unreachable');
      expect(Number(response.headers['retry-after'])).toBeGreaterThanOrEqual(1);
      expect(response.text).not.toContain(secretMark);
    });

    test('When Stytch does not answer in time, then the answer is 504 with Retry-After', async () => {
      server.calls.token.mockReturnValue(new Promise(() => undefined));

      const response = await pay();

      expectRefused(response, 504, 'stytch_timeout');
      expect(Number(response.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    });

    test('When Stytch works again, then payments succeed again', async () => {
      server.calls.token.mockRejectedValue(networkError());
      expectRefused(await pay(), 503, 'stytch_unreachable');

      server.calls.token.mockResolvedValue({
        access_token: 'token',
        token_type: 'bearer',
        expires_in: 3_600,
      });

      expect((await pay()).status).toBe(200);
    });
  });

  test('When Stytch sends a Retry-After, then the answer has it too', async () => {
    const elsewhere = await startFakeWallet();
    elsewhere.behave(
      answer(429, '{"status_code":429,"error_type":"too_many_requests"}', { 'Retry-After': '7' }),
    );
    jest.spyOn(console, 'warn').mockImplementation(); // The SDK warns about every base URL but Stytch's.
    const config = stytchConfig({ projectId: 'project-test-1', secret: 'secret', baseUrl: elsewhere.url });
    const elsewhereSdk = new Client(config);
    server.calls.search.mockImplementation(() => elsewhereSdk.m2m.clients.search({}));

    const response = await request(server.app)
      .get('/search-m2m-client')
      .set('Authorization', `Bearer ${server.operator}`);

    expectRefused(response, 429, 'too_many_requests');
    expect(response.headers['retry-after']).toBe('7');
    await elsewhere.close();
  });

  test('When the JWKS is unavailable, then the admin routes answer 503 without a hint', async () => {
    server.project.getJWKS.mockRejectedValue(networkError());

    const response = await request(server.app)
      .get('/search-m2m-client')
      .set('Authorization', `Bearer ${server.operator}`);

    expectRefused(response, 503, 'authorization_unavailable');
    expect(Number(response.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    expect(response.body).not.toHaveProperty('hint');
  });
});

import '../../packages/service-kit/test/closedNetwork';
import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:http';
import request from 'supertest';
import { expectRefused } from '../../packages/service-kit/test/expectRefused';
import { createPaymentServer, type PaymentServer } from './paymentServer';
import { answer, drip, good, hang, johnsWallet, startFakeWallet, type FakeWallet } from './fakeWallet';

const path = '/initiate-payment';
const articlesPayment = {
  customerId: '67uhjio098uhgt6l',
  debitAmount: 769,
  destinationWalletId: 'yh809ikol7plo98',
};
const success = 'john_doe your payment of 769 to yh809ikol7plo98 was successful!';
const insufficient = 'Insufficient balance. Transaction failed.';
const balanceOf = (walletBalance: number) => answer(200, JSON.stringify({ ...johnsWallet, walletBalance }));
const unknownCustomer = (status: number) =>
  answer(status, JSON.stringify({ error: 'Invalid customer', code: 'invalid_customer' }));
const rejectedToken = answer(401, JSON.stringify({ error: 'Unauthorized', code: 'invalid_token' }));

/** A long timeout for the wallet, so that a call ends only for the reason under test. */
const patient = { walletTimeout: 60_000 };

describe('/initiate-payment', () => {
  let wallet: FakeWallet;
  let server: PaymentServer;

  beforeAll(async () => {
    wallet = await startFakeWallet();
  });

  beforeEach(async () => {
    wallet.behave(good);
    server = await createPaymentServer({ walletUrl: wallet.url, ...patient });
  });

  afterAll(() => wallet.close());

  describe('GET', () => {
    test("When the balance is enough, then the article's payment succeeds with the article's message", async () => {
      const response = await request(server.app).get(path);

      expect([response.status, response.body]).toEqual([200, success]);
      expect(response.headers['content-type']).toMatch(/^application\/json/);
      expect(wallet.requests).toMatchObject([
        {
          path: '/api/check-balance',
          body: articlesPayment,
          headers: { authorization: 'Bearer access-token-1', 'content-type': 'application/json' },
        },
      ]);
    });

    test('When the balance equals the amount, then the payment succeeds', async () => {
      wallet.behave(balanceOf(769));

      expect((await request(server.app).get(path)).body).toBe(success);
    });

    test.each([768.99, 0, -1])(
      'When the balance is only %d, then the answer is 200 and says so',
      async (balance) => {
        wallet.behave(balanceOf(balance));

        const response = await request(server.app).get(path);

        expect([response.status, response.body]).toEqual([200, insufficient]);
      },
    );

    test('When the request has a query and a body, then they do not change the payment', async () => {
      await request(server.app).get(`${path}?debitAmount=1`).send({ debitAmount: 1 });

      expect(wallet.requests[0]?.body).toEqual(articlesPayment);
    });
  });

  describe('POST', () => {
    test("When there is no body, then the payment is the article's", async () => {
      const response = await request(server.app).post(path);

      expect([response.status, response.body]).toEqual([200, { status: 'successful', message: success }]);
      expect(wallet.requests[0]?.body).toEqual(articlesPayment);
    });

    test.each([
      [{}, articlesPayment],
      [{ debitAmount: 0.5 }, { ...articlesPayment, debitAmount: 0.5 }],
      [{ customerId: 'plu8iio0t3uhh06h' }, { ...articlesPayment, customerId: 'plu8iio0t3uhh06h' }],
      [{ destinationWalletId: 'other' }, { ...articlesPayment, destinationWalletId: 'other' }],
    ])('When the body is %j, then the other fields are as in the article', async (given, payment) => {
      const response = await request(server.app).post(path).send(given);

      expect(response.body).toEqual({
        status: 'successful',
        message: `john_doe your payment of ${payment.debitAmount} to ${payment.destinationWalletId} was successful!`,
      });
      expect(wallet.requests[0]?.body).toEqual(payment);
    });

    test('When the balance is too small, then the answer is 402', async () => {
      const response = await request(server.app).post(path).send({ debitAmount: 1790.01 });

      expectRefused(response, 402, 'insufficient_balance');
      expect(response.body).toMatchObject({ error: insufficient });
    });

    const amountError = 'must be a positive finite number';
    test.each([
      ['{"debitAmount":0}', { debitAmount: amountError }],
      ['{"debitAmount":-1}', { debitAmount: amountError }],
      ['{"debitAmount":"769"}', { debitAmount: amountError }],
      ['{"debitAmount":1e999}', { debitAmount: amountError }],
      ['{"debitAmount":null}', { debitAmount: amountError }],
      ['{"debitAmount":[1]}', { debitAmount: amountError }],
      ['{"customerId":1}', { customerId: 'must be a string' }],
      ['{"customerId":""}', { customerId: 'must not be empty' }],
      ['{"destinationWalletId":{}}', { destinationWalletId: 'must be a string' }],
      ['{"amount":1}', { amount: 'is not a field of this request' }],
      ['{"constructor":1}', { constructor: 'is not a field of this request' }],
      [
        '{"debitAmount":true,"customerId":null,"a":1,"b":2}',
        {
          debitAmount: amountError,
          customerId: 'must be a string',
          a: 'is not a field of this request',
          b: 'is not a field of this request',
        },
      ],
      ['[]', { body: 'must be a JSON object' }],
    ])('When the body is %s, then the answer is 400 and names every wrong field', async (given, fields) => {
      const response = await request(server.app).post(path).type('json').send(given);

      expectRefused(response, 400, 'invalid_request');
      expect(response.body).toEqual({
        error: 'Invalid request',
        code: 'invalid_request',
        fields,
        request_id: response.headers['x-request-id'],
      });
      expect(server.calls.token).not.toHaveBeenCalled();
      expect(wallet.requests).toEqual([]);
    });

    test.each([
      ['malformed JSON', '{"debitAmount":', 'application/json', 400, 'malformed_json'],
      ['null', 'null', 'application/json', 400, 'malformed_json'],
      ['over 100 kB', `{"customerId":"${'x'.repeat(102_400)}"}`, 'application/json', 413, 'body_too_large'],
      ['a form', 'debitAmount=1', 'application/x-www-form-urlencoded', 415, 'unsupported_media_type'],
    ])(
      'When the body is %s, then it is refused with the matching code',
      async (_name, body, type, status, code) => {
        const response = await request(server.app).post(path).set('Content-Type', type).send(body);

        expectRefused(response, status, code);
      },
    );

    test('When an amount has too many digits, then the parsed number counts', async () => {
      const response = await request(server.app)
        .post(path)
        .type('json')
        .send('{"debitAmount":1790.00000000000000001}');

      expect(response.status).toBe(200);
      expect(wallet.requests[0]?.body).toMatchObject({ debitAmount: 1790 });
    });
  });

  test.each([400, 404])(
    'When the wallet answers %d for the customer, then the payment does too',
    async (status) => {
      wallet.behave(unknownCustomer(status));

      for (const response of [
        await request(server.app).post(path).send({ customerId: 'nobody' }),
        await request(server.app).get(path),
      ]) {
        expectRefused(response, status, 'invalid_customer');
        expect(response.body).toMatchObject({ error: 'Invalid customer' });
      }
    },
  );

  test.each(['put', 'delete', 'patch', 'options'] as const)(
    'When the method is %s, then the answer is 405',
    async (method) => {
      const response = await request(server.app)[method](path);

      expectRefused(response, 405, 'method_not_allowed');
      expect(response.headers['allow']).toBe('GET, POST');
    },
  );

  test('When the method is HEAD, then no payment is made and the answer is 405', async () => {
    const response = await request(server.app).head(path);

    expect([response.status, response.headers['allow']]).toEqual([405, 'GET, POST']);
    expect(wallet.requests).toEqual([]);
  });

  describe('the access token', () => {
    test('When payments are made, then one token serves them all', async () => {
      await Promise.all(Array.from({ length: 50 }, () => request(server.app).get(path).expect(200)));

      expect(server.calls.token.mock.calls).toEqual([
        [expect.objectContaining({ client_id: 'm2m-client-test-payment-service', scopes: ['read:users'] })],
      ]);
    });

    test('When the wallet rejects the token, then it is invalidated and the balance is read again with a new one', async () => {
      await request(server.app).get(path);
      wallet.behave(rejectedToken, good);

      const response = await request(server.app).get(path);

      expect([response.status, response.body]).toEqual([200, success]);
      expect(wallet.requests.map(({ headers }) => headers.authorization)).toEqual([
        'Bearer access-token-1',
        'Bearer access-token-2',
      ]);
      expect(server.calls.token).toHaveBeenCalledTimes(2);
    });

    test('When the wallet rejects the new token too, then there is no third try: 502', async () => {
      wallet.behave(rejectedToken);

      const response = await request(server.app).get(path);

      expectRefused(response, 502, 'wallet_rejected_token');
      expect(wallet.requests).toHaveLength(2);
      expect(server.calls.token).toHaveBeenCalledTimes(2);
    });

    test('When the wallet answers 403, then the token stays cached and nothing is retried: 502', async () => {
      wallet.behave(answer(403, JSON.stringify({ error: 'Forbidden', code: 'insufficient_scope' })), good);

      expectRefused(await request(server.app).get(path), 502, 'wallet_refused_credentials');
      expect(wallet.requests).toHaveLength(1);

      await request(server.app).get(path).expect(200);
      expect(server.calls.token).toHaveBeenCalledTimes(1);
    });

    test('When the wallet answers 401 for another reason, then the token stays cached: 502', async () => {
      wallet.behave(answer(401, JSON.stringify({ error: 'Unauthorized', code: 'unauthorized' })));

      expectRefused(await request(server.app).get(path), 502, 'wallet_refused_credentials');
      expect(wallet.requests).toHaveLength(1);
      expect(server.calls.token).toHaveBeenCalledTimes(1);
    });
  });

  test('When a request has a valid id, then the wallet gets it; otherwise it gets a generated id', async () => {
    await request(server.app).get(path).set('X-Request-Id', 'order-1');
    const { headers } = await request(server.app).get(path).set('X-Request-Id', 'not acceptable');

    expect(wallet.requests.map((asked) => asked.headers['x-request-id'])).toEqual([
      'order-1',
      headers['x-request-id'],
    ]);
  });

  describe('Server-Timing', () => {
    const timing = async () => (await request(server.app).get(path)).headers['server-timing'];

    test('When the token is new or cached, then the header says which, and how long token and wallet took', async () => {
      expect(await timing()).toMatch(/^token;desc="issued";dur=\d+\.\d, wallet;dur=\d+\.\d$/);
      expect(await timing()).toMatch(/^token;desc="cache";dur=\d+\.\d, wallet;dur=\d+\.\d$/);
    });

    test('When a token is rejected, then the header shows both tries and the refreshed token', async () => {
      await timing();
      wallet.behave(rejectedToken, good);

      expect(await timing()).toMatch(
        /^token;desc="cache";dur=[\d.]+, wallet;dur=[\d.]+, token;desc="refreshed";dur=[\d.]+, wallet;dur=[\d.]+$/,
      );
    });

    test('When a payment fails, then the answer has the header as well', async () => {
      wallet.behave(answer(500, '{}'));

      expect(await timing()).toMatch(/^token;desc="issued";dur=[\d.]+, wallet;dur=[\d.]+$/);
    });

    test('When nothing was measured, then there is no header', async () => {
      const { headers } = await request(server.app).post(path).send({ debitAmount: 0 });

      expect(headers).not.toHaveProperty('server-timing');
    });
  });

  describe('the deadline', () => {
    test.each([
      ['hangs', hang],
      ['sends one byte at a time', drip],
    ])('When the wallet %s, then the answer is 504 at the deadline', async (_name, how) => {
      server = await createPaymentServer({ walletUrl: wallet.url, ...patient, paymentDeadline: 500 });
      wallet.behave(how);
      const asked = wallet.nextRequest();

      const response = await request(server.app).get(path);

      expectRefused(response, 504, 'wallet_timeout');
      expect(response.headers['retry-after']).toBe('1');
      expect(wallet.requests).toHaveLength(1);
      await (
        await asked
      ).ended;
    });

    test('When Stytch hangs, then the answer is 504 at the deadline', async () => {
      server = await createPaymentServer({
        walletUrl: wallet.url,
        ...patient,
        paymentDeadline: 60,
        tokenDeadline: 200,
      });
      server.calls.token.mockReturnValue(new Promise(() => undefined));

      const response = await request(server.app).get(path);

      expectRefused(response, 504, 'stytch_timeout');
      expect(wallet.requests).toEqual([]);
    });

    test('When one request stops waiting for a token, then the next one still gets that token', async () => {
      server = await createPaymentServer({ walletUrl: wallet.url, ...patient, paymentDeadline: 60 });
      let issue: () => void = () => undefined;
      server.calls.token.mockReturnValueOnce(
        new Promise((resolve) => {
          issue = () => {
            resolve({ access_token: 'late-token', token_type: 'bearer', expires_in: 3_600 });
          };
        }),
      );
      expectRefused(await request(server.app).get(path), 504, 'stytch_timeout');

      issue();

      expect((await request(server.app).get(path)).body).toBe(success);
      expect(server.calls.token).toHaveBeenCalledTimes(1);
    });
  });

  describe('a caller that hangs up', () => {
    let listening: Server;
    let url: string;

    beforeEach(async () => {
      listening = createServer(server.app);
      await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
      url = `http://127.0.0.1:${(listening.address() as AddressInfo).port}`;
    });

    afterEach(async () => {
      listening.closeAllConnections();
      await new Promise((resolve) => listening.close(resolve));
    });

    test.each([
      ['hangs', hang],
      ['sends one byte at a time', drip],
    ])('When the wallet %s, then the call to the wallet is cancelled', async (_name, how) => {
      wallet.behave(how);
      const asked = wallet.nextRequest();
      const caller = new AbortController();
      const call = fetch(url + path, { signal: caller.signal });
      const { ended } = await asked;

      caller.abort();

      await expect(call).rejects.toThrow('aborted');
      await ended;
      expect(wallet.requests).toHaveLength(1);
    });

    test('When there is no token yet, then the wallet is never called', async () => {
      let issue: () => void = () => undefined;
      const asked = new Promise<void>((resolve) => {
        server.calls.token.mockImplementationOnce(() => {
          resolve();
          return new Promise((resolveToken) => {
            issue = () => {
              resolveToken({ access_token: 'late-token', token_type: 'bearer', expires_in: 3_600 });
            };
          });
        });
      });
      const caller = new AbortController();
      const call = fetch(url + path, { signal: caller.signal });
      await asked;
      const refused = server.log.logged(({ msg }) => msg === 'request refused or failed');

      caller.abort();
      await expect(call).rejects.toThrow('aborted');
      await refused;
      issue();
      await request(server.app).get(path).expect(200);

      expect(wallet.requests).toHaveLength(1);
    });

    test('When a retry is pending, then the wallet is not called again', async () => {
      // The pause before a retry is random. This makes it minutes long.
      jest.spyOn(Math, 'random').mockReturnValue(1_000);
      wallet.behave(answer(503, '{}'));
      const asked = wallet.nextRequest();
      const caller = new AbortController();
      const call = fetch(url + path, { signal: caller.signal });
      await (
        await asked
      ).ended;
      const refused = server.log.logged(({ msg }) => msg === 'request refused or failed');

      caller.abort();

      await expect(call).rejects.toThrow('aborted');
      await refused;
      expect(wallet.requests).toHaveLength(1);
      jest.restoreAllMocks();
    });
  });
});

import '../../packages/service-kit/test/closedNetwork';
import { Socket } from 'node:net';
import timersPromises from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { toHttpError } from '../src/errors';
import { paymentInfo, readBalance } from '../src/payments';
import { ServerTiming } from '../src/serverTiming';
import { WalletClient } from '../src/wallet/walletClient';
import { WalletError } from '../src/wallet/walletError';
import {
  answer,
  type Behaviour,
  drip,
  good,
  hang,
  johnsWallet,
  raw,
  reset,
  startFakeWallet,
  type FakeWallet,
} from './fakeWallet';

const accessToken = 'access-token-1';
const tokens = {
  getM2MAccessToken: () => Promise.resolve({ accessToken, source: 'cache' as const }),
  invalidateM2MAccessToken: () => undefined,
};

/** The error that the caller of the payment gets. */
const refusal = (status: number, code: string, headers: Record<string, string> = {}) => ({
  name: 'HttpError',
  status,
  code,
  headers,
});
const unreachable = refusal(503, 'wallet_unreachable', { 'Retry-After': '1' });
const tooSlow = refusal(504, 'wallet_timeout', { 'Retry-After': '1' });
const invalid = refusal(502, 'wallet_answer_invalid');

describe('The wallet client', () => {
  let wallet: FakeWallet;
  let client: WalletClient;

  const context = (signal = new AbortController().signal) => ({ requestId: 'request-1', signal });
  /** Reads the balance as a payment does, with its retries and its errors. */
  const checkBalance = (it = client, signal = new AbortController().signal) =>
    readBalance(paymentInfo, { ...tokens, wallet: it }, context(signal), new ServerTiming()).catch(
      (error: unknown) => {
        throw toHttpError(error);
      },
    );
  const json = (body: unknown) => answer(200, JSON.stringify(body));

  beforeAll(async () => {
    wallet = await startFakeWallet();
    client = new WalletClient({ url: wallet.url });
  });

  beforeEach(() => {
    // The pauses between tries are random. This makes them 0.
    jest.spyOn(Math, 'random').mockReturnValue(0);
  });

  afterEach(() => {
    jest.restoreAllMocks();
  });

  afterAll(() => wallet.close());

  test('When the wallet answers with a balance, then the client returns it without other fields', async () => {
    wallet.behave(json({ ...johnsWallet, more: 'is not wanted' }));

    expect(await checkBalance()).toEqual(johnsWallet);
    expect(wallet.requests).toMatchObject([
      { headers: { authorization: `Bearer ${accessToken}`, 'x-request-id': 'request-1' }, body: paymentInfo },
    ]);
  });

  // Two connections: undici can reuse one only a turn of the event loop after its answer.
  test('When the wallet is called many times, then two connections are reused', async () => {
    const ports = new Set<number | undefined>();
    wallet.behave((request, response) => {
      ports.add(request.socket.remotePort);
      good(request, response);
    });

    for (let times = 0; times < 20; times += 1) await checkBalance();

    expect(ports.size).toBeLessThanOrEqual(2);
  });

  describe('an answer that is not a balance', () => {
    const html = { 'Content-Type': 'text/html' };
    test.each<[string, Behaviour]>([
      ['HTML', answer(200, '<html>Welcome to nginx!</html>', html)],
      ['an empty object', json({})],
      ['an empty body', answer(200, '')],
      ['null', json(null)],
      ['an array', json([johnsWallet])],
      ['a JSON string', json('1790')],
      ['truncated JSON', answer(200, JSON.stringify(johnsWallet).slice(0, -8))],
      ['a number in quotes', json({ ...johnsWallet, walletBalance: '1790' })],
      ['NaN', answer(200, '{"customerName":"a","walletId":"b","walletBalance":NaN}')],
      ['a balance of Infinity', answer(200, '{"customerName":"a","walletId":"b","walletBalance":1e999}')],
      ['a balance of -Infinity', answer(200, '{"customerName":"a","walletId":"b","walletBalance":-1e999}')],
      ['a balance of null', json({ ...johnsWallet, walletBalance: null })],
      ['a balance of true', json({ ...johnsWallet, walletBalance: true })],
      ['no name', json({ ...johnsWallet, customerName: undefined })],
      ['a wallet id that is a number', json({ ...johnsWallet, walletId: 7 })],
      ['a balance with the status 201', answer(201, JSON.stringify(johnsWallet))],
      ['204 without a body', answer(204, '')],
      ['500', answer(500, '{}')],
      ['404 with another code', answer(404, '{"code":"not_found"}')],
      ['400 with another code', answer(400, '{"code":"malformed_json"}')],
      ['400 that is not JSON', answer(400, 'Bad Request', html)],
      ['429', answer(429, '{}')],
      ['more than 100 kB', answer(200, `${JSON.stringify(johnsWallet)}${' '.repeat(200_000)}`)],
      [
        'more than 100 kB after decompression',
        answer(200, gzipSync(`${JSON.stringify(johnsWallet)}${' '.repeat(2_000_000)}`), {
          'Content-Encoding': 'gzip',
        }),
      ],
      [
        'not compressed although its header says so',
        answer(200, JSON.stringify(johnsWallet), { 'Content-Encoding': 'gzip' }),
      ],
      ['not HTTP', raw('hello, this is no HTTP\r\n\r\n')],
      ['cut off in the middle', raw('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"customerName"')],
    ])('When the answer is %s, then it is 502 without a retry', async (_name, behaviour) => {
      wallet.behave(behaviour, good);

      await expect(checkBalance()).rejects.toMatchObject(invalid);
      expect(wallet.requests).toHaveLength(1);
    });
  });

  test.each([301, 302, 303, 307, 308])(
    'When the wallet redirects with %d, then the token is not sent there: 502',
    async (status) => {
      const elsewhere = await startFakeWallet();
      wallet.behave(answer(status, '', { Location: `${elsewhere.url}/api/check-balance` }));

      await expect(checkBalance()).rejects.toMatchObject(invalid);

      expect(wallet.requests).toHaveLength(1);
      expect(elsewhere.requests).toEqual([]);
      await elsewhere.close();
    },
  );

  describe('retries', () => {
    test.each<[string, Behaviour]>([
      ['a connection reset', reset],
      ['a close without an answer', raw('')],
      ['502', answer(502, '<html>Bad Gateway</html>', { 'Content-Type': 'text/html' })],
      ['503', answer(503, '{}')],
      ['504', answer(504, '{}')],
    ])(
      'When there is %s and then a balance, then the client returns the balance',
      async (_name, behaviour) => {
        wallet.behave(behaviour, good);

        expect(await checkBalance()).toEqual(johnsWallet);
        expect(wallet.requests).toHaveLength(2);
      },
    );

    test.each<[string, Behaviour]>([
      ['a connection reset', reset],
      ['502', answer(502, '{}')],
      ['503', answer(503, '{}')],
      ['504', answer(504, '{}')],
    ])(
      'When there is %s each time, then the third try is the last: 503 with Retry-After',
      async (_name, behaviour) => {
        wallet.behave(behaviour);

        await expect(checkBalance()).rejects.toMatchObject(unreachable);
        expect(wallet.requests).toHaveLength(3);
      },
    );

    test('When the last answer has a Retry-After, then the error has it too', async () => {
      wallet.behave(answer(503, '{}', { 'Retry-After': '7' }));

      await expect(checkBalance()).rejects.toMatchObject({ headers: { 'Retry-After': '7' } });
    });

    test.each(['soon', '-1', '1e9', '1234567', 'Wed, 21 Oct 2015 07:28:00 GMT'])(
      'When the Retry-After is %j, then the error does not repeat it',
      async (retryAfter) => {
        wallet.behave(answer(503, '{}', { 'Retry-After': retryAfter }));

        await expect(checkBalance()).rejects.toMatchObject(unreachable);
      },
    );

    test('When nothing listens at the address, then there are three tries: 503', async () => {
      const gone = await startFakeWallet();
      await gone.close();
      const connect = jest.spyOn(Socket.prototype, 'connect');

      await expect(checkBalance(new WalletClient({ url: gone.url }))).rejects.toMatchObject(unreachable);

      expect(connect).toHaveBeenCalledTimes(3);
    });

    test('When a try fails, then the pause before the next is short, random and longer each time', async () => {
      jest.mocked(Math.random).mockReturnValue(0.01);
      const pauses = jest.spyOn(timersPromises, 'setTimeout');
      wallet.behave(answer(503, '{}'));

      await expect(checkBalance()).rejects.toMatchObject(unreachable);

      expect(pauses.mock.calls.map(([milliseconds]) => milliseconds)).toEqual([2, 4]);
    });
  });

  describe('errors without a retry', () => {
    test.each([
      [401, 'unauthorized', refusal(502, 'wallet_refused_credentials')],
      [403, 'insufficient_scope', refusal(502, 'wallet_refused_credentials')],
      [403, 'invalid_token', refusal(502, 'wallet_refused_credentials')],
      [400, 'invalid_customer', refusal(400, 'invalid_customer')],
      [404, 'invalid_customer', refusal(404, 'invalid_customer')],
    ])('When the wallet answers %d %s, then the error says so', async (status, code, expected) => {
      wallet.behave(answer(status, JSON.stringify({ error: 'x', code })), good);

      await expect(checkBalance()).rejects.toMatchObject(expected);
      expect(wallet.requests).toHaveLength(1);
    });

    const challenge = { 'WWW-Authenticate': 'Bearer realm="x", error="invalid_token"' };
    test.each([
      ['a challenge with invalid_token and HTML', answer(401, '<html>', challenge)],
      ['a challenge with invalid_token and no body', answer(401, '', challenge)],
      ['a challenge with invalid_token and other JSON', answer(401, '{"error":"expired"}', challenge)],
      ['the code invalid_token', answer(401, '{"code":"invalid_token"}')],
    ])('When the wallet answers 401 with %s, then the token is rejected', async (_what, behaviour) => {
      wallet.behave(behaviour, good);

      const error: unknown = await client
        .checkBalance(paymentInfo, accessToken, context())
        .catch((thrown: unknown) => thrown);

      expect(error).toBeInstanceOf(WalletError);
      expect(error).toMatchObject({ reason: 'token_rejected' });
      expect(wallet.requests).toHaveLength(1);
    });

    test.each<[string, Behaviour]>([
      ['does not answer', hang],
      ['sends a byte now and then', drip],
      ['begins to answer and stops', (_request, response) => response.writeHead(200).write('{')],
    ])('When the wallet %s, then the call ends at its timeout: 504', async (_name, behaviour) => {
      wallet.behave(behaviour, good);
      const asked = wallet.nextRequest();

      const call = checkBalance(new WalletClient({ url: wallet.url, timeoutMilliseconds: 60 }));

      await expect(call).rejects.toMatchObject(tooSlow);
      await (
        await asked
      ).ended;
      expect(wallet.requests).toHaveLength(1);
    });

    test('When the caller is gone before the call starts, then the wallet is not called', async () => {
      wallet.behave(good);

      await expect(checkBalance(client, AbortSignal.abort())).rejects.toMatchObject(tooSlow);
      expect(wallet.requests).toEqual([]);
    });

    test.each(['ENOTFOUND', 'EHOSTUNREACH', 'CERT_HAS_EXPIRED'])(
      'When connecting fails with %s, then it is 503 at once',
      async (code) => {
        const connect = jest.spyOn(Socket.prototype, 'connect').mockImplementation(function (this: Socket) {
          setImmediate(() => this.destroy(Object.assign(new Error(code), { code })));
          return this;
        });
        const url = 'http://127.0.0.1:1';

        await expect(checkBalance(new WalletClient({ url }))).rejects.toMatchObject(unreachable);
        expect(
          connect.mock.calls.filter((given) => JSON.stringify(given).includes('"port":"1"')),
        ).toHaveLength(1);
      },
    );
  });

  test('When the environment sets a proxy, then the token is not sent to it', async () => {
    const proxy = await startFakeWallet();
    wallet.behave(good);
    const given = { ...process.env };
    Object.assign(process.env, { HTTP_PROXY: proxy.url, http_proxy: proxy.url });

    expect(await checkBalance(new WalletClient({ url: wallet.url }))).toEqual(johnsWallet);

    process.env = given;
    expect(proxy.requests).toEqual([]);
    await proxy.close();
  });

  test('When a call fails in any way, then its error contains no token', async () => {
    for (const behaviour of [reset, answer(200, '{}'), answer(401, '{"code":"invalid_token"}'), hang]) {
      wallet.behave(behaviour);
      const error: unknown = await checkBalance(
        new WalletClient({ url: wallet.url, timeoutMilliseconds: 30 }),
      ).catch((thrown: unknown) => thrown);

      const { cause, ...fields } = error as Error;
      expect(JSON.stringify([fields, cause, String(error)])).not.toContain(accessToken);
      // The cause contains neither the request nor the answer.
      expect(Object.values(cause ?? {}).filter((value) => typeof value === 'object')).toEqual([]);
    }
  });
});

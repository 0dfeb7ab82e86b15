import '../../packages/service-kit/test/closedNetwork';
import { Axios } from 'axios';
import { Pool } from 'undici';
import { undiciAdapter } from '../src/wallet/undiciAdapter';
import { good, hang, startFakeWallet, type FakeWallet } from './fakeWallet';

describe('axios over undici', () => {
  let wallet: FakeWallet;
  let pool: Pool;
  let http: InstanceType<typeof Axios>;

  beforeEach(async () => {
    wallet = await startFakeWallet();
    pool = new Pool(wallet.url, { connections: 1 });
    http = new Axios({ adapter: undiciAdapter(() => pool), timeout: 5_000 });
  });
  afterEach(async () => {
    await pool.destroy();
    await wallet.close();
  });

  const ask = (signal?: AbortSignal) =>
    http.request<string>({ method: 'POST', url: '/', data: '{}', ...(signal && { signal }) });

  test('When a request is aborted while it waits for a connection, then other requests get the connection', async () => {
    const ports: (number | undefined)[] = [];
    const answers: (() => void)[] = [];
    wallet.behave((request, response) => {
      ports.push(request.socket.remotePort);
      answers.push(() => {
        good(request, response);
      });
    });
    const asked = wallet.nextRequest();
    const first = ask();
    await asked;
    const controller = new AbortController();
    const second = ask(controller.signal);
    const third = ask();

    controller.abort();
    await expect(second).rejects.toMatchObject({ code: 'ERR_CANCELED' });
    const askedAgain = wallet.nextRequest();
    answers[0]?.();
    await first;
    await askedAgain;
    answers[1]?.();
    await third;

    expect(ports).toHaveLength(2);
    expect(ports[1]).toBe(ports[0]);
  });

  test('When a connection breaks after an informational answer, then the request fails with ECONNRESET', async () => {
    wallet.behave((request, response) => {
      response.writeEarlyHints({ link: '</>; rel=preload' }, () => request.socket.resetAndDestroy());
    });

    await expect(ask()).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  test('When validateStatus refuses the status, then the error contains the answer', async () => {
    wallet.behave((_request, response) => response.writeHead(418).end('teapot'));

    const error = http.request({
      method: 'POST',
      url: '/',
      data: '{}',
      validateStatus: (status) => status < 400,
    });

    await expect(error).rejects.toMatchObject({ response: { status: 418, data: 'teapot' } });
  });

  test('When the timeout is over, then the request fails with ETIMEDOUT', async () => {
    wallet.behave(hang);

    const late = http.request({ method: 'POST', url: '/', data: '{}', timeout: 50 });

    await expect(late).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  });
});

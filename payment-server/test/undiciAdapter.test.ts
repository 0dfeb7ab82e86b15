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

  test('When a request is given up while it waits for a connection, then the connection is left to others', async () => {
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

  test('When a connection breaks after an interim answer, then there was no answer', async () => {
    wallet.behave((request, response) => {
      response.writeEarlyHints({ link: '</>; rel=preload' }, () => request.socket.resetAndDestroy());
    });

    await expect(ask()).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  test('When the status is not one that is asked for, then it is an error with the answer in it', async () => {
    wallet.behave((_request, response) => response.writeHead(418).end('teapot'));

    const error = http.request({
      method: 'POST',
      url: '/',
      data: '{}',
      validateStatus: (status) => status < 400,
    });

    await expect(error).rejects.toMatchObject({ response: { status: 418, data: 'teapot' } });
  });

  test('When the time is over, then it is ETIMEDOUT', async () => {
    wallet.behave(hang);

    const late = http.request({ method: 'POST', url: '/', data: '{}', timeout: 50 });

    await expect(late).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  });
});

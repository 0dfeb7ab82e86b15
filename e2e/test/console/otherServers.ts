import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { start } from '../../../tools/src/start';
import { call } from '../../helpers/calls';
import type { ConsoleWorld } from '../../helpers/consoleWorld';
import { World } from '../../helpers/harness';

/** The console of other servers than the stack of all tests. */
export function otherServerTests(world: ConsoleWorld): void {
  const services = new World();
  afterAll(() => services.stop());

  test('When local-stytch restarts under an open page, then the page reconnects and shows the new state', async () => {
    const first = await services.startStytch();
    const create = (name: string) =>
      call(`${first.program.url}/local/clients`, { method: 'POST', body: { client_name: name, scopes: [] } });
    const opened = await world.open({
      url: first.program.url,
      tab: 'Clients',
      expected: /Failed to load|net::ERR/,
    });
    await create('before-the-restart');
    await opened.sees('before-the-restart');

    services.signal(first.program, 'SIGTERM');
    await opened.sees('Reconnecting');
    await services.restartStytch(first);
    await opened.live();
    await create('after-the-restart');

    await opened.sees('after-the-restart');
    expect(await opened.page.getByText('before-the-restart').count()).toBe(0);
    await opened.leave();
    expect(await services.violations()).toEqual([]);
  });

  test('When everything runs over mutual TLS, then a payment of the console succeeds', async () => {
    const mtls = mkdtempSync(join(tmpdir(), 'console-certs-'));
    const environment = { PORT: '0', DOTENV: 'off' };
    const stack = await start({ environment, local: true, mtls, print: () => undefined });
    try {
      const opened = await world.open({ url: stack.localStytch!.url }, { ignoreHTTPSErrors: true });

      await opened.button('Make the payment').click();

      await opened.sees(/was successful!/);
      expect(await opened.leave()).toEqual([]);
    } finally {
      await stack.stop();
      rmSync(mtls, { recursive: true });
    }
  });
}

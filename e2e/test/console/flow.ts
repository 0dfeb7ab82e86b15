import { pay, until } from '../../helpers/calls';
import type { ConsolePage } from '../../helpers/consolePage';
import type { ConsoleWorld } from '../../helpers/consoleWorld';

export function flowTests(world: ConsoleWorld): void {
  describe('Flow', () => {
    const field = ({ page }: ConsolePage, name: string) => page.getByLabel(name, { exact: true });
    const traces = ({ page }: ConsolePage) =>
      page.getByRole('listbox', { name: /^Traces/ }).getByRole('option');
    const messages = ({ page }: ConsolePage) => page.getByRole('list', { name: /^Messages of/ });

    /** Presses the button of a scenario and waits for the outcomes of all its steps. */
    async function run(opened: ConsolePage, title: string, outcomes: string[]): Promise<void> {
      await opened.button(title).click();
      const pattern = outcomes.map((outcome) => `${outcome}( after [\\d.,]+ \\w+)?`).join(', ');
      const said = opened.page.getByRole('status').filter({ hasText: new RegExp(`^${title}: ${pattern}`) });
      await said.waitFor();
    }

    test('When the payment is made, then the diagram shows the new token; the second takes it from the cache', async () => {
      const opened = await world.open();

      await run(opened, 'Make the payment', ['200']);
      await opened.sees(/had no access token in its cache, so it asked Stytch for one/);
      await opened.sees(/verified the token itself, without asking Stytch/);
      const rows = await messages(opened).innerText();
      expect(rows).toMatch(/payment-server calls Stytch \(local-stytch\)/);
      expect(rows).toMatch(/payment-server calls wallet-server: POST \/api\/check-balance/);
      await opened.sees(/john_doe your payment of 769/);
      await run(opened, 'Make the payment', ['200']);

      await opened.sees(/took its access token from its cache, so Stytch was not asked/);
      await until('the second diagram is drawn', async () => {
        return !(await messages(opened).innerText()).includes('Stytch');
      });
      await opened.page.getByRole('heading', { name: 'Waterfall' }).waitFor();
    });

    test('When the keyboard is used from the load on, then it makes a payment and reads the diagram', async () => {
      const opened = await world.open();
      const { page } = opened;
      const tabTo = (name: string) =>
        until(`${name} has the focus`, async () => {
          await page.keyboard.press('Tab');
          return (await opened.focused()) === name;
        });
      await tabTo('Make the payment');
      await page.keyboard.press('Enter');

      await page.getByRole('img', { name: /^Sequence diagram/ }).waitFor();
      await page.getByText(/took its access token from its cache/).waitFor();
    });

    test.each([
      ['No token', '401', /refused the call: 401, unauthorized: the call has no token/],
      ['Garbage token', '401', /401, invalid_token: the text is not a JWT/],
      ['Missing scope', '403', /403, insufficient_scope: the token lacks read:users/],
      ['Expired token', '401', /401, invalid_token: the token has expired/],
      ['Wrong audience', '401', /401, invalid_token: the token is for another audience/],
      ['alg: none', '401', /401, invalid_token: the algorithm of the token is not allowed/],
    ])(
      'When "%s" is pressed, then the wallet-server answers %s, and the page says why',
      async (title, status, why) => {
        const opened = await world.open();

        await run(opened, title, [status]);

        await opened.sees(why);
      },
    );

    test('When the client is deactivated, then a payment uses the cached token, until it is active again', async () => {
      const opened = await world.open();

      await run(opened, 'Deactivate the client', ['200', '200', '200']);
      await opened.sees(/took its access token from its cache/);
      await opened.show('Clients');
      await opened.page
        .getByRole('option')
        .filter({ hasText: 'payment-service' })
        .getByText('inactive')
        .waitFor();
      await opened.show('Flow');
      await run(opened, 'Reactivate the client', ['200', '200']);
    });

    test('When the secret is rotated, then payments succeed during and after it', async () => {
      const opened = await world.open();

      await run(opened, 'Start the rotation', ['200', '200']);
      await opened.sees(/Rotation started: both secrets work/);
      await opened.show('Clients');
      await opened.page
        .getByRole('option')
        .filter({ hasText: 'payment-service' })
        .getByText('rotating')
        .waitFor();
      await opened.show('Flow');
      await run(opened, 'Complete the rotation', ['200', '200']);

      await opened.sees(/only the new secret works/);
    });

    test('When Stytch signs with a new key, then the wallet-server fetches it, and the payment gets a new token', async () => {
      const opened = await world.open();

      await run(opened, 'New signing key', ['200', 'done', '200', '200']);

      await opened.sees(/fetched the public keys of Stytch/);
      await opened.sees(/401, invalid_token/);
    });

    test('When Stytch is away, then the top says so and payments go on, until it is back', async () => {
      const opened = await world.open();
      const banner = opened.page.getByRole('region', { name: 'Switched on' });

      await run(opened, 'Stytch is away', ['200', 'done', '200']);
      await banner.getByText(/503/).waitFor();
      await run(opened, 'Stytch is back', ['done', '200']);

      await banner.waitFor({ state: 'detached' });
    });

    test('When a payment is made elsewhere, then two open pages draw it', async () => {
      const pages = await Promise.all([world.open(), world.open()]);
      const traceId = 'ab'.repeat(16);

      await pay(world.stack.payment, { traceparent: `00-${traceId}-${'cd'.repeat(8)}-01` });

      await Promise.all(pages.map((page) => page.sees(/answered GET \/initiate-payment with 200/)));
    });

    test('When a trace is selected, then it stays until new ones are followed again', async () => {
      const opened = await world.open();
      await run(opened, 'No token', ['401']);
      await run(opened, 'Make the payment', ['200']);
      const refused = traces(opened).filter({ hasText: '401' }).first();
      await refused.click();
      await opened.sees(/the call has no token/);

      await pay(world.stack.payment);
      const newest = traces(opened).first();
      await newest.filter({ hasText: 'GET /initiate-payment' }).waitFor();
      expect(await field(opened, 'Follow new traces').isChecked()).toBe(false);
      await opened.sees(/the call has no token/);
      await field(opened, 'Follow new traces').check();

      await opened.sees(/took its access token from its cache/);
    });

    test('When the traces are filtered, then only those of the service and outcome are listed', async () => {
      const opened = await world.open();
      await run(opened, 'Missing scope', ['403']);
      await traces(opened).filter({ hasText: '403' }).first().waitFor();

      const filters = opened.page.getByRole('region', { name: 'Traces' });
      await filters.getByLabel('Outcome').selectOption('Refused (4xx)');
      await filters.getByLabel('Service').selectOption('wallet-server');

      const shown = await traces(opened).allInnerTexts();
      expect(shown.length).toBeGreaterThan(0);
      expect(shown.filter((text) => !/\b40[13]\b/.test(text) || !text.includes('wallet-server'))).toEqual([]);
    });

    test('When a call is copied as curl, then $TOKEN is in place of the token, with the command that gets it', async () => {
      const opened = await world.open();
      await run(opened, 'Missing scope', ['403']);
      const item = opened.page
        .getByRole('listitem')
        .filter({ hasText: "Read the wallet with the operator's token" });

      const copied = await opened.copy('Copy as curl', item.last());

      expect(copied).toContain(`${world.stack.wallet.url}/api/check-balance`);
      expect(copied).toContain('"Authorization: Bearer $TOKEN"');
      expect(copied).toMatch(/^TOKEN=\$\(curl /);
      expect(copied).not.toContain('eyJ');
    });

    test('When a service is called with the form, then the answer and the trace are shown', async () => {
      const opened = await world.open();
      await opened.page.getByText('Call a service').click();
      await field(opened, 'Service').first().selectOption('wallet-server');
      await field(opened, 'Method').selectOption('POST');
      await field(opened, 'Path').fill('api/check-balance');
      await opened.button('Call').click();
      await opened.sees('A path begins with one slash.');
      await field(opened, 'Path').fill('/api/check-balance');
      await field(opened, 'Body (JSON)').fill('{');
      await opened.button('Call').click();
      await opened.sees(/^Not JSON/);
      await field(opened, 'Body (JSON)').fill('{"customerId": "plu8iio0t3uhh06h"}');
      await field(opened, 'Access token').selectOption('Of a client');
      await field(opened, 'Client').selectOption('payment-service');
      await opened.button('Call').click();

      await opened.sees(/jane_doe/);
      await opened.sees(/answered POST \/api\/check-balance with 200/);
    });
  });
}

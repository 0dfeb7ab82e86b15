import { call, pay, until } from '../../helpers/calls';
import type { ConsolePage } from '../../helpers/consolePage';
import type { ConsoleWorld } from '../../helpers/consoleWorld';

export function requestsTests(world: ConsoleWorld): void {
  describe('Requests', () => {
    const rows = ({ page }: ConsolePage) =>
      page.getByRole('listbox', { name: /^Requests/ }).getByRole('option');
    const row = (opened: ConsolePage, text: string) => rows(opened).filter({ hasText: text }).first();

    const isSelectedBelowTheFirst = ({ page }: ConsolePage) =>
      until('a row below the first is selected', async () => {
        const selected = page.locator('[role=option][aria-selected=true]');
        return Number(await selected.getAttribute('aria-posinset')) > 1;
      });

    /** The operator asks for a token, as any service does. */
    const requestToken = (clientSecret: string) => {
      const { seed } = world.stack.localStytch!;
      return call(`${world.url}/v1/public/${seed.STYTCH_PROJECT_ID!}/oauth2/token`, {
        method: 'POST',
        body: {
          grant_type: 'client_credentials',
          client_id: seed.OPERATOR_CLIENT_ID,
          client_secret: clientSecret,
        },
      });
    };

    test('When a token is issued, then its request appears, and shows headers and bodies without the secret', async () => {
      const opened = await world.open({ tab: 'Requests' });
      const { OPERATOR_CLIENT_SECRET: secret } = world.stack.localStytch!.seed;
      const { json } = await requestToken(secret!);

      await row(opened, 'operator').click();

      await opened.sees('Claims of the issued token');
      await opened.sees(/"grant_type": "client_credentials"/);
      const text = await opened.page.locator('body').innerText();
      expect(text).not.toContain(secret);
      expect(text).not.toContain((json as { access_token: string }).access_token);
    });

    test('When it is copied as curl, then $CLIENT_SECRET is in place of the secret', async () => {
      const opened = await world.open({ tab: 'Requests' });
      const { OPERATOR_CLIENT_SECRET: secret } = world.stack.localStytch!.seed;
      await requestToken(secret!);

      await row(opened, 'operator').click();
      const copied = await opened.copy('Copy as curl');

      await opened.sees('Copied');
      expect(copied).toContain(`curl`);
      expect(copied).toContain('$CLIENT_SECRET');
      expect(copied).not.toContain(secret);
    });

    test('When the filters are used, then only the requests that match are listed', async () => {
      const opened = await world.open({ tab: 'Requests' });
      await requestToken('wrong');
      await pay(world.stack.payment);
      await row(opened, 'invalid_client').waitFor();

      await opened.page.getByLabel('Outcome').selectOption('Refused (4xx)');
      await opened.page.getByLabel('Filter').fill('invalid_client token');

      await opened.sees(/^\d+ of \d+ requests$/);
      const texts = await rows(opened).allInnerTexts();
      expect(texts.length).toBeGreaterThan(0);
      expect(texts.filter((text) => !text.includes('invalid_client'))).toEqual([]);
      await opened.page.getByLabel('Filter').fill('nothing like this');
      await opened.button('Show all requests').click();
      await row(opened, 'jwks').waitFor();
    });

    test('When the list has the focus, then arrow keys move through it, and Escape closes the panel', async () => {
      const opened = await world.open({ tab: 'Requests' });
      await requestToken('wrong');
      await row(opened, 'invalid_client').waitFor();

      await opened.page.getByRole('listbox', { name: /^Requests/ }).focus();
      await opened.page.keyboard.press('Home');
      await opened.page.getByRole('heading', { name: 'Received' }).waitFor();
      await opened.page.keyboard.press('ArrowDown');
      await isSelectedBelowTheFirst(opened);
      await opened.page.keyboard.press('Escape');

      await opened.page.getByRole('heading', { name: 'Received' }).waitFor({ state: 'detached' });
    });

    test('When a request arrives while one is read, then the opened one stays', async () => {
      const opened = await world.open({ tab: 'Requests' });
      await requestToken('wrong');
      await row(opened, 'invalid_client').click();
      const heading = opened.page.getByRole('heading', { name: /oauth2\/token/ });
      await heading.waitFor();
      await requestToken('also wrong');
      await isSelectedBelowTheFirst(opened);

      expect(await heading.count()).toBe(1);
      await opened.button('Close').click();
      await heading.waitFor({ state: 'detached' });
    });

    test('When the list is cleared, then it says what to do next', async () => {
      const opened = await world.open({ tab: 'Requests' });
      await requestToken('wrong');
      await row(opened, 'invalid_client').waitFor();

      await opened.button('Clear').click();
      await opened.button('Cancel', opened.page.getByRole('dialog')).click();
      expect(await rows(opened).count()).toBeGreaterThan(0);
      await opened.button('Clear').click();
      await opened.button('Clear the list', opened.page.getByRole('dialog')).click();

      await opened.sees('No request yet');
    });
  });
}

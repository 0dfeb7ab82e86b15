import { type ClientRequest, get } from 'node:http';
import { gzipSync } from 'node:zlib';
import { call, until } from '../../helpers/calls';
import type { TabName } from '../../helpers/consolePage';
import type { ConsoleWorld } from '../../helpers/consoleWorld';

const tabs: TabName[] = ['Flow', 'Requests', 'Clients', 'Tokens', 'Faults'];
/** Their lists open a panel. */
const withPanel: TabName[] = ['Requests', 'Clients', 'Tokens'];
/** How many listeners local-stytch accepts at the same time. */
const maxListeners = 20;
const mostBytes = 150_000;

/** What concerns the page as a whole. */
export function pageTests(world: ConsoleWorld): void {
  describe('The page', () => {
    test('When a tab is clicked, then its panel is shown, and the address names it', async () => {
      const opened = await world.open();

      for (const tab of [...tabs].reverse()) {
        await opened.show(tab);
        expect(new URL(opened.page.url()).hash).toBe(`#${tab.toLowerCase()}`);
      }
      await opened.page.goBack();
      await opened.page.getByRole('tabpanel', { name: 'Requests' }).waitFor();
    });

    test('When arrow keys, Home and End are pressed on the tabs, then they move through them', async () => {
      const { page } = await world.open();
      const isShown = (name: TabName) => page.getByRole('tabpanel', { name }).waitFor();

      await page.getByRole('tab', { name: 'Flow' }).focus();
      await page.keyboard.press('ArrowLeft');
      await isShown('Faults');
      await page.keyboard.press('ArrowRight');
      await isShown('Flow');
      await page.keyboard.press('End');
      await isShown('Faults');
      await page.keyboard.press('Home');
      await isShown('Flow');
    });

    test('When a client is created elsewhere, then two open pages show it', async () => {
      const pages = await Promise.all([world.open({ tab: 'Clients' }), world.open({ tab: 'Clients' })]);

      await call(`${world.url}/local/clients`, {
        method: 'POST',
        body: { client_name: 'seen-twice', scopes: [] },
      });

      await Promise.all(pages.map((page) => page.sees('seen-twice')));
    });

    test('When a page is closed, then it leaves no listener', async () => {
      const page = await world.open();
      const others = await listen(world.url, maxListeners - 1);
      expect(await statusOfEvents(world.url)).toBe(503);

      await page.close();

      await until('there is room again', async () => (await statusOfEvents(world.url)) === 200);
      for (const other of others) other.destroy();
    });

    test('When it is compressed, then it has at most 150 kB', async () => {
      const files = await Promise.all(
        ['/', '/console/app.js', '/console/app.css'].map((path) => call(world.url + path)),
      );

      expect(files.map(({ status }) => status)).toEqual([200, 200, 200]);
      const bytes = files.map(({ text }) => gzipSync(text).byteLength);
      expect(bytes.reduce((sum, size) => sum + size)).toBeLessThan(mostBytes);
    });

    // The colours differ in the dark only, and the layout in a narrow window.
    const looks = [
      { colorScheme: 'light', viewport: { width: 1280, height: 800 }, rules: undefined },
      { colorScheme: 'dark', viewport: { width: 1280, height: 800 }, rules: ['color-contrast'] },
      { colorScheme: 'light', viewport: { width: 360, height: 640 }, rules: undefined },
    ] as const;
    test.each(looks)(
      'When it is $colorScheme and $viewport.width px wide, then axe-core finds nothing, and it does not scroll sideways',
      async ({ rules, ...look }) => {
        await call(`${world.stack.payment.url}/initiate-payment`);
        const opened = await world.open({}, look);
        const overflow = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';

        for (const tab of tabs) {
          await opened.show(tab);
          if (withPanel.includes(tab)) {
            await opened.page.getByRole('listbox').getByRole('option').first().click();
            await opened.button('Close').waitFor();
          }
          expect([tab, await opened.violations(rules)]).toEqual([tab, []]);
          expect([tab, await opened.page.evaluate(overflow)]).toEqual([tab, 0]);
        }
      },
    );
  });
}

/** Opens streams of events that stay open. */
function listen(url: string, count: number): Promise<ClientRequest[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const { request, status } = await openEvents(url);
      expect(status).toBe(200);
      return request;
    }),
  );
}

async function statusOfEvents(url: string): Promise<number | undefined> {
  const { request, status } = await openEvents(url);
  request.destroy();
  return status;
}

function openEvents(url: string): Promise<{ request: ClientRequest; status: number | undefined }> {
  return new Promise((resolve, reject) => {
    const request = get(`${url}/local/events`, { agent: false }, (response) => {
      response.on('error', () => undefined);
      resolve({ request, status: response.statusCode });
    });
    request.on('error', reject);
  });
}

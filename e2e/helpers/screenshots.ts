import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../tools/src/program';
import { start } from '../../tools/src/start';
import { launchBrowser } from './browser';
import { call, until } from './calls';
import { ConsolePage } from './consolePage';

/** Where the documents have their pictures. */
const folder = join(root, 'docs', 'images');

/** Plays the article's story in the console, and takes the pictures of the documents. */
async function main(): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const environment = { PORT: '0', DOTENV: 'off' };
  const stack = await start({ environment, local: true, print: () => undefined });
  const browser = await launchBrowser();
  try {
    await until('the payment-server is ready', async () => {
      return (await call(`${stack.payment.url}/readyz`)).status === 200;
    });
    const opened = await ConsolePage.open(browser, stack.localStytch?.url ?? '', {
      viewport: { width: 1200, height: 740 },
      reducedMotion: 'reduce',
    });
    await takePictures(opened);
  } finally {
    await browser.close();
    await stack.stop();
  }
}

async function takePictures(opened: ConsolePage): Promise<void> {
  const { page } = opened;
  const take = async (name: string) => {
    await page.mouse.move(0, 0);
    await page.screenshot({ path: join(folder, `${name}.png`), animations: 'disabled', caret: 'hide' });
  };
  const takeBoth = async (name: string) => {
    for (const colorScheme of ['dark', 'light'] as const) {
      await page.emulateMedia({ colorScheme });
      await take(`${name}-${colorScheme}`);
    }
  };
  const run = async (title: string, seen: RegExp) => {
    await opened.button(title).click();
    await opened.sees(seen);
    await opened.button(title).and(page.locator(':not([aria-disabled=true])')).waitFor();
    await untilStill(opened);
  };

  await run('Make the payment', /so it asked Stytch for one/);
  await takeBoth('flow');
  await run('Make the payment', /took its access token from its cache/);
  await take('second-payment');
  await opened.show('Tokens');
  await page.getByRole('option').first().click();
  await opened.sees('✓ Valid');
  await takeBoth('tokens');
  await opened.show('Flow');
  await run('No token', /the call has no token/);
  await take('no-token');
  await run('Missing scope', /insufficient_scope/);
  await take('missing-scope');
  await run('Expired token', /the token has expired/);
  await take('expired-token');
  await run('Deactivate the client', /clients.update/);
  await take('deactivate');
  await run('Reactivate the client', /clients.update/);
  await run('Start the rotation', /both secrets work/);
  await opened.show('Clients');
  await page.getByRole('option').filter({ hasText: 'payment-service' }).click();
  await opened.sees(/^Two secrets work/);
  await take('rotation');
  await opened.show('Flow');
  await run('Complete the rotation', /only the new secret works/);
  await run('New signing key', /fetched the public keys/);
  await take('new-signing-key');
  await run('Stytch is away', /Status 503/);
  await take('stytch-away');
}

/** Waits until the services have sent all spans: until the page has not changed for a second. */
async function untilStill({ page }: ConsolePage): Promise<void> {
  const stillMilliseconds = 1_000;
  let text = '';
  let since = 0;
  await until('nothing changes', async () => {
    const now = await page.getByRole('tabpanel').innerText();
    if (now !== text) since = Date.now();
    text = now;
    return Date.now() - since > stillMilliseconds;
  });
}

void main().catch((error: unknown) => {
  process.stderr.write(`${(error as Error).stack ?? ''}\n`);
  process.exitCode = 1;
});

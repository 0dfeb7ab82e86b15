import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
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
    const viewport = { width: 1280, height: 800 };
    const opened = await ConsolePage.create(browser, { viewport, reducedMotion: 'reduce' });
    await opened.open({ url: stack.localStytch?.url ?? '' });
    await takePictures(opened);
  } finally {
    await browser.close();
    await stack.stop();
  }
}

async function takePictures(opened: ConsolePage): Promise<void> {
  const { page } = opened;
  const diagram = page.getByRole('img', { name: /^Sequence/ });
  const explained = page.getByRole('region').filter({ has: diagram });
  const run = async (title: string, seen: RegExp) => {
    await opened.button(title).click();
    await opened.sees(seen);
    await opened.button(title).and(page.locator(':not([aria-disabled=true])')).waitFor();
    await untilStill(opened);
  };
  const take = async (name: string, of: Pick<Page, 'screenshot'> = page) => {
    await page.mouse.move(0, 0);
    await page.evaluate('scrollTo(0, 0)');
    await of.screenshot({ path: join(folder, `${name}.png`), animations: 'disabled', caret: 'hide' });
  };
  /** The diagram alone, in a page that is high enough for all of it. */
  const takeDiagram = async (name: string) => {
    await page.setViewportSize({ width: 1280, height: 1_600 });
    await take(name, diagram);
    await page.setViewportSize({ width: 1280, height: 800 });
  };
  const takeBoth = async (name: string) => {
    for (const colorScheme of ['dark', 'light'] as const) {
      await page.emulateMedia({ colorScheme });
      await take(`${name}-${colorScheme}`);
    }
  };

  await run('Make the payment', /so it asked Stytch for one/);
  await takeBoth('flow');
  await run('Make the payment', /took its access token from its cache/);
  await take('second-payment', explained);
  await run('No token', /the call has no token/);
  await take('no-token', explained);
  await run('Missing scope', /insufficient_scope/);
  await take('missing-scope', explained);
  await run('Expired token', /the token has expired/);
  await take('expired-token', explained);
  await opened.show('Tokens');
  await page.getByRole('option').last().click();
  await opened.sees('✓ Valid');
  await page.setViewportSize({ width: 1280, height: 640 });
  await takeBoth('tokens');
  await page.setViewportSize({ width: 1280, height: 800 });
  await opened.show('Flow');
  await run('Deactivate the client', /clients.update/);
  await takeDiagram('deactivate');
  await run('Reactivate the client', /clients.update/);
  await run('Start the rotation', /both secrets work/);
  await opened.show('Clients');
  await page.getByRole('option').filter({ hasText: 'payment-service' }).click();
  await opened.sees(/^Two secrets work/);
  await take('rotation');
  await opened.show('Flow');
  await run('Complete the rotation', /only the new secret works/);
  await run('New signing key', /fetched the public keys/);
  await takeDiagram('new-signing-key');
  await run('Stytch is away', /Status 503/);
  await page.setViewportSize({ width: 1280, height: 900 });
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

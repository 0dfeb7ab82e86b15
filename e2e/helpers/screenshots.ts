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
      viewport: { width: 1280, height: 800 },
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
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await take(`${name}-${colorScheme}`);
    }
    await page.emulateMedia({ colorScheme: 'light' });
  };
  const run = async (title: string) => {
    await opened.button(title).click();
  };
  await run('Make the payment');
  await takeBoth('flow');
  await run('Make the payment');
  await take('second-payment');
}

void main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});

import type { Browser } from 'playwright-core';
import { start } from '../../tools/src/start';
import type { Stack } from '../../tools/src/stack';
import { launchBrowser } from './browser';
import { call, until } from './calls';
import { ConsolePage } from './consolePage';
import { StytchAdmin } from './stytchAdmin';

/** One stack and one browser for all tests of the console. */
export class ConsoleWorld {
  browser!: Browser;
  stack!: Stack;
  readonly #pages: ConsolePage[] = [];

  async start(): Promise<void> {
    const environment = { PORT: '0', DOTENV: 'off' };
    [this.browser, this.stack] = await Promise.all([
      launchBrowser(),
      start({ environment, local: true, print: () => undefined }),
    ]);
    await until('the payment-server is ready', async () => {
      return (await call(`${this.stack.payment.url}/readyz`)).status === 200;
    });
  }

  get url(): string {
    return this.stack.localStytch!.url;
  }

  get admin(): StytchAdmin {
    return new StytchAdmin(this.stack.localStytch!);
  }

  /** Opens the console, at the address of the stack unless another is given. */
  async open(options: Parameters<typeof ConsolePage.open>[2] = {}, url = this.url): Promise<ConsolePage> {
    const opened = await ConsolePage.open(this.browser, url, options);
    this.#pages.push(opened);
    return opened;
  }

  /** Closes all pages. Returns what went wrong in them. */
  async closePages(): Promise<string[]> {
    const pages = this.#pages.splice(0);
    await Promise.all(pages.map((page) => page.close()));
    return pages.flatMap((page) => page.problems());
  }

  async stop(): Promise<void> {
    await Promise.all([this.browser.close(), this.stack.stop()]);
  }
}

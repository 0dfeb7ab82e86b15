import type { Browser, BrowserContextOptions } from 'playwright-core';
import { start } from '../../tools/src/start';
import type { Stack } from '../../tools/src/stack';
import { launchBrowser } from './browser';
import { call, until } from './calls';
import { type ConsoleAddress, ConsolePage } from './consolePage';
import { StytchAdmin } from './stytchAdmin';

/** One stack and one browser for all tests of the console. */
export class ConsoleWorld {
  browser!: Browser;
  stack!: Stack;
  readonly #idle: ConsolePage[] = [];
  readonly #ordinary: ConsolePage[] = [];
  readonly #special: ConsolePage[] = [];

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

  /**
   * Opens the console.
   *
   * @param look how the browser differs from an ordinary one. Default: not at all, so that an earlier page can be used.
   */
  async open(
    { url = this.url, ...address }: Partial<ConsoleAddress> = {},
    look?: BrowserContextOptions,
  ): Promise<ConsolePage> {
    const page = (!look && this.#idle.pop()) || (await ConsolePage.create(this.browser, look));
    (look ? this.#special : this.#ordinary).push(page);
    await page.open({ url, ...address });
    return page;
  }

  /** Leaves all pages. Returns what went wrong in them. */
  async leavePages(): Promise<string[]> {
    const special = this.#special.splice(0);
    const ordinary = this.#ordinary.splice(0).filter(({ page }) => !page.isClosed());
    const problems = await Promise.all([
      ...ordinary.map((page) => page.leave()),
      ...special.map((page) => page.close()),
    ]);
    this.#idle.push(...ordinary);
    return problems.flat();
  }

  async stop(): Promise<void> {
    await Promise.all([this.browser.close(), this.stack.stop()]);
  }
}

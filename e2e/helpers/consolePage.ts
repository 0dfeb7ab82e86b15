import { readFileSync } from 'node:fs';
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { until } from './calls';

const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

export type TabName = 'Flow' | 'Requests' | 'Clients' | 'Tokens' | 'Faults';

/** What axe-core found. */
interface AxeResults {
  violations: { id: string; nodes: { target: unknown[] }[] }[];
}

/** A page of the console in a browser of its own, and everything that went wrong in it. */
export class ConsolePage {
  readonly #problems: string[] = [];

  private constructor(
    readonly page: Page,
    /** Problems that the test causes. */
    private readonly expected: RegExp,
  ) {}

  /** Opens the console at an address, and waits until it is live. */
  static async open(
    browser: Browser,
    url: string,
    { tab = 'Flow' as TabName, expected = /^$/, ...options }: BrowserContextOptions & PageOptions = {},
  ): Promise<ConsolePage> {
    const context = await browser.newContext({
      locale: 'en-US',
      permissions: ['clipboard-read', 'clipboard-write'],
      ...options,
    });
    context.setDefaultTimeout(10_000);
    const page = await context.newPage();
    const opened = new ConsolePage(page, expected);
    opened.#watch(new URL(url).origin);
    await page.goto(`${url}/#${tab.toLowerCase()}`);
    await opened.live();
    return opened;
  }

  #watch(origin: string): void {
    // A violation of the Content-Security-Policy is an error in the browser's console as well.
    this.page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) this.#problems.push(message.text());
    });
    this.page.on('pageerror', (error) => this.#problems.push(error.message));
    this.page.on('dialog', (dialog) => {
      this.#problems.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    this.page.on('request', (request) => {
      const url = request.url();
      if (!url.startsWith(`${origin}/`) && !url.startsWith('data:')) this.#problems.push(`request to ${url}`);
    });
  }

  /** Errors and warnings, violations of the Content-Security-Policy, and requests to other origins. */
  problems(): string[] {
    return this.#problems.filter((problem) => !this.expected.test(problem));
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }

  button(name: string | RegExp, within: Pick<Page, 'getByRole'> = this.page): Locator {
    return within.getByRole('button', { name, exact: typeof name === 'string' });
  }

  async show(tab: TabName): Promise<void> {
    await this.page.getByRole('tab', { name: tab }).click();
    await this.page.getByRole('tabpanel', { name: tab }).waitFor();
  }

  /** Waits until the page gets events. */
  async live(): Promise<void> {
    await this.page
      .getByRole('status')
      .filter({ hasText: /^Live$/ })
      .waitFor();
  }

  /** Waits for a text anywhere in the page. */
  async sees(text: string | RegExp): Promise<void> {
    await this.page.getByText(text).first().waitFor();
  }

  /** Clicks a button that copies. Returns the copied text. */
  async copy(name: string, within: Pick<Page, 'getByRole'> = this.page): Promise<string> {
    await this.page.evaluate('navigator.clipboard.writeText("")');
    await this.button(name, within).click();
    return until('it is copied', async () => {
      return (await this.page.evaluate<string>('navigator.clipboard.readText()')) || undefined;
    });
  }

  /** The text of the element with the focus. */
  focused(): Promise<string> {
    return this.page.evaluate<string>('document.activeElement?.textContent?.trim() ?? ""');
  }

  /** The rules of axe-core that the page breaks, each with the elements. */
  async violations(): Promise<string[]> {
    if (!(await this.page.evaluate('"axe" in window'))) await this.page.evaluate(axe);
    const { violations } = await this.page.evaluate<AxeResults>('axe.run()');
    return violations.map(
      ({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`,
    );
  }
}

interface PageOptions {
  /** Default: Flow. */
  tab?: TabName;
  /** Problems that the test causes. Default: none. */
  expected?: RegExp;
}

import { readFileSync } from 'node:fs';
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { until } from './calls';

const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

export type TabName = 'Flow' | 'Requests' | 'Clients' | 'Tokens' | 'Faults';

/** What axe-core found. */
interface AxeResults {
  violations: { id: string; nodes: { target: unknown[] }[] }[];
}

/** What to open. */
export interface ConsoleAddress {
  url: string;
  /** Default: Flow. */
  tab?: TabName | undefined;
  /** Problems that the test causes. Default: none. */
  expected?: RegExp | undefined;
}

/** A page of the console, and everything that went wrong in it. */
export class ConsolePage {
  #problems: string[] = [];
  #origin = '';
  #expected = /^$/;

  private constructor(readonly page: Page) {
    // A violation of the Content-Security-Policy is an error in the browser's console as well.
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) this.#problems.push(message.text());
    });
    page.on('pageerror', (error) => this.#problems.push(error.message));
    page.on('dialog', (dialog) => {
      this.#problems.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on('request', (request) => {
      const url = request.url();
      if (!url.startsWith(`${this.#origin}/`) && !/^(data|about):/.test(url))
        this.#problems.push(`request to ${url}`);
    });
  }

  /** Makes an empty page, with cookies and a cache of its own. */
  static async create(browser: Browser, options: BrowserContextOptions = {}): Promise<ConsolePage> {
    const permissions = ['clipboard-read', 'clipboard-write'];
    const context = await browser.newContext({
      locale: 'en-US',
      reducedMotion: 'reduce',
      permissions,
      ...options,
    });
    context.setDefaultTimeout(10_000);
    return new ConsolePage(await context.newPage());
  }

  /** Opens the console at an address, and waits until it is live. */
  async open({ url, tab = 'Flow', expected = /^$/ }: ConsoleAddress): Promise<void> {
    this.#origin = new URL(url).origin;
    this.#expected = expected;
    await this.page.goto(`${url}/#${tab.toLowerCase()}`, { waitUntil: 'commit' });
    await this.live();
  }

  /** Leaves the console. Returns the problems since it was opened. */
  async leave(): Promise<string[]> {
    const problems = this.problems();
    await this.page.goto('about:blank');
    this.#problems = [];
    return problems;
  }

  /** Errors and warnings, violations of the Content-Security-Policy, and requests to other origins. */
  problems(): string[] {
    return this.#problems.filter((problem) => !this.#expected.test(problem));
  }

  /** Closes the page. Returns the problems since it was opened. */
  async close(): Promise<string[]> {
    const problems = this.problems();
    await this.page.context().close();
    return problems;
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

  /**
   * The rules of axe-core that the page breaks, each with the elements.
   *
   * @param rules the only ones to check. Default: all.
   */
  async violations(rules?: readonly string[]): Promise<string[]> {
    if (!(await this.page.evaluate('"axe" in window'))) await this.page.evaluate(axe);
    const options = JSON.stringify({ resultTypes: ['violations'], ...(rules && { runOnly: rules }) });
    const { violations } = await this.page.evaluate<AxeResults>(`axe.run(${options})`);
    return violations.map(
      ({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`,
    );
  }
}

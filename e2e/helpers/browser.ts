import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

/** How to get a browser, as the end of a message. */
export const browserHint = 'Install Chromium, Chrome or Edge, or set CHROMIUM_PATH to the program.';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'microsoft-edge'];

/** Where the browsers are that are not on the PATH. */
function usualPlaces(): string[] {
  const { PROGRAMFILES = '', 'PROGRAMFILES(X86)': x86 = '', LOCALAPPDATA = '' } = process.env;
  switch (process.platform) {
    case 'darwin':
      return ['Chromium', 'Google Chrome', 'Microsoft Edge'].map(
        (name) => `/Applications/${name}.app/Contents/MacOS/${name}`,
      );
    case 'win32':
      return [PROGRAMFILES, x86, LOCALAPPDATA].flatMap((folder) => [
        join(folder, 'Google', 'Chrome', 'Application', 'chrome.exe'),
        join(folder, 'Microsoft', 'Edge', 'Application', 'msedge.exe'),
      ]);
    default:
      return [];
  }
}

/** The path of a Chromium, Chrome or Edge: of CHROMIUM_PATH, or else the first one found. */
export function findBrowser(): string | undefined {
  const { CHROMIUM_PATH, PATH = '' } = process.env;
  if (CHROMIUM_PATH) return CHROMIUM_PATH;
  const onPath = PATH.split(delimiter).flatMap((folder) => names.map((name) => join(folder, name)));
  return [...onPath, ...usualPlaces()].find((path) => existsSync(path));
}

/**
 * Starts a browser without a window.
 *
 * @throws Error without a browser.
 */
export async function launchBrowser(): Promise<Browser> {
  const executablePath = findBrowser();
  if (executablePath === undefined) throw new Error(`There is no browser. ${browserHint}`);
  // Chromium's sandbox does not start as root.
  const chromiumSandbox = process.platform !== 'linux' || process.getuid?.() !== 0;
  return chromium.launch({ executablePath, chromiumSandbox });
}

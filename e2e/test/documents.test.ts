import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { root } from '../../tools/src/program';

const ignored = ['node_modules', 'dist', 'coverage', 'certs', '.git'];

/** Code, documents and manifests. */
function textFiles(folder = root): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (ignored.includes(entry.name) || entry.name === 'package-lock.json') return [];
    if (entry.isDirectory()) return textFiles(path);
    return /\.(ts|mjs|js|md|yaml|sh)$/.test(entry.name) ? [path] : [];
  });
}

test('When a document links to a file, then that file exists', () => {
  const documents = textFiles().filter((path) => path.endsWith('.md'));
  const broken = documents.flatMap((path) => {
    const links = readFileSync(path, 'utf8').matchAll(/\]\((?!https?:|mailto:|#)([^)\s#]+)/g);
    return Array.from(links, ([, link = '']) => link)
      .filter((link) => !existsSync(join(dirname(path), link)))
      .map((link) => `${relative(root, path)}: ${link}`);
  });

  expect(documents.length).toBeGreaterThan(5);
  expect(broken).toEqual([]);
});

/** Private words, each with the standard term to use instead. */
const fieldWords: Record<string, string> = {
  AccessTokens: 'AccessTokenProvider',
  answerErrors: 'errorHandler',
  answerNotFound: 'notFoundHandler',
  callsToTry: 'formatUsage',
  'cannot be had': 'is unavailable',
  contestant: 'candidate',
  deadlineMilliseconds: 'timeoutMilliseconds',
  InvalidTokenRequest: 'InvalidRequestError',
  'keys at hand': 'cached keys',
  'kept token': 'cached token',
  loggable: 'serializeRequest',
  mostRememberedTokens: 'maxCachedTokens',
  observeRequests: 'requestLogger',
  renewFrom: 'refreshAt',
  settingsAgree: 'crossFieldChecks',
  SigningKeys: 'JwksCache',
  'stand-in': 'emulator, or fake in a test',
  StytchRefused: 'StytchApiError',
  StytchUnreachable: 'StytchUnavailableError',
  TlsMaterial: 'TlsCredentials',
  usableUntil: 'expiresAt',
  'whom to trust': 'the CAs',
};

test.each(Object.entries(fieldWords))('No file says "%s": the term is "%s"', (word) => {
  const pattern = new RegExp(`(?<![A-Za-z])${word}(?![A-Za-z])`);
  const found = textFiles()
    // The changelog lists the old names.
    .filter((path) => path !== __filename && !path.endsWith('CHANGELOG.md'))
    .filter((path) => pattern.test(readFileSync(path, 'utf8')))
    .map((path) => relative(root, path));

  expect(found).toEqual([]);
});

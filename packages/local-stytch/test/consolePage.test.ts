import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import express, { type ErrorRequestHandler } from 'express';
import request from 'supertest';
import { createConsolePage } from '../src/consolePage';
import { errorHandler } from '../src/http';
import { temporaryFolder } from './folder';
import { startLocalStytch } from './localStytch';

const folder = temporaryFolder();
folder.file('index.html', '<!doctype html><title>The console</title>');
folder.file('app.js', 'export {};');
folder.file('app.css', 'body {}');
folder.file('other.txt', 'a file that is not for the browser');

const reportError = jest.fn();
afterEach(() => {
  expect(reportError).not.toHaveBeenCalled();
  reportError.mockClear();
});

function app(from: string) {
  const one = express();
  one.use((_request, response, next) => {
    response.set({ 'Cache-Control': 'no-store', Pragma: 'no-cache' });
    next();
  });
  const afterTheAnswer: ErrorRequestHandler = (error, _request, _response, next) => {
    reportError(error);
    next(error);
  };
  return one.use(createConsolePage(from), errorHandler(reportError), afterTheAnswer);
}

describe('The page of the console', () => {
  test.each([
    ['/', /^text\/html/, /<title>/],
    ['/console/app.js', /^text\/javascript/, /export/],
    ['/console/app.css', /^text\/css/, /body/],
  ])('When a browser asks for %s, then it gets it, with a strict policy', async (path, type, content) => {
    const response = await request(app(folder.path)).get(path);

    expect(response.status).toBe(200);
    expect(response.headers['content-type']).toMatch(type);
    expect(response.text).toMatch(content);
    expect(response.headers['content-security-policy']).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    );
    expect(response.headers['x-content-type-options']).toBe('nosniff');
    expect(response.headers['cache-control']).toBe('no-cache');
    expect(response.headers).not.toHaveProperty('pragma');
  });

  test('When the page has not changed, then the browser is told so', async () => {
    const { headers } = await request(app(folder.path)).get('/');

    const again = await request(app(folder.path))
      .get('/')
      .set('If-None-Match', headers.etag ?? '');

    expect(again.status).toBe(304);
  });

  test.each(['/console/other.txt', '/console/../other.txt', '/console/%2e%2e/other.txt', '/console/'])(
    'When a browser asks for %s, then there is no such file',
    async (path) => {
      expect((await request(app(folder.path)).get(path)).status).toBe(404);
    },
  );

  test('When it is not built, then the answer says how to build it', async () => {
    const empty = join(folder.path, 'empty');
    mkdirSync(empty);

    const { status, body } = await request(app(empty)).get('/');

    expect(status).toBe(404);
    expect(body.error_message).toMatch(/npm run build builds it/);
  });

  test('When it is opened, then that is no request to Stytch: no log, no trace, no fault', async () => {
    const stytch = await startLocalStytch();
    await stytch.admin('POST', '/faults', { kind: 'status', path: '*', status: 500 });

    const statuses = await Promise.all(
      ['/', '/console/app.js', '/console/app.css', '/console/none'].map(async (path) => {
        return (await fetch(stytch.url + path)).status;
      }),
    );

    expect(statuses).not.toContain(500);
    expect(await stytch.admin('GET', '/requests')).toMatchObject({ counts: { total: 0 }, requests: [] });
    expect(await stytch.admin('GET', '/traces')).toMatchObject({ traces: [] });
    await stytch.close();
  });
});

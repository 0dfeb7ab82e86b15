import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type RequestHandler, Router } from 'express';
import { TransportError } from './errors';
import { route, routeNotFound } from './http';

/** Where the build puts the page. It is the same folder from `src`, `dist` and `bundle`. */
const defaultFolder = join(__dirname, '..', 'bundle', 'console');

/** The page loads only its own script and style, and sends requests only to its own origin. */
const headers = {
  'Content-Security-Policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  // A new version of the package has a new page at the same address.
  'Cache-Control': 'no-cache',
};

/**
 * The page of the console and its files.
 *
 * @param folder where they are.
 */
export function createConsolePage(folder = defaultFolder): Router {
  const router = Router({ caseSensitive: true, strict: true });
  const file = (name: string): RequestHandler => {
    return (_request, response) => {
      if (!existsSync(join(folder, name))) throw new TransportError(404, 'consoleNotBuilt');
      response.removeHeader('Pragma');
      response.set(headers).sendFile(name, { root: folder, cacheControl: false });
    };
  };
  route(router, '/', { get: [file('index.html')] });
  route(router, '/console/app.js', { get: [file('app.js')] });
  route(router, '/console/app.css', { get: [file('app.css')] });
  router.use('/console', routeNotFound);
  return router;
}

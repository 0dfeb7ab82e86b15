import type { RequestHandler } from 'express';
import { TransportError } from './errors';

const localNames: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * Refuses what a page from elsewhere may send through a browser on this machine: by a name of its own that it
 * had pointed at 127.0.0.1 (DNS rebinding: the Host header tells), or by a form or a script (Origin tells).
 */
export const refuseForeignPages: RequestHandler = (request, _response, next) => {
  const { host, origin } = request.headers;
  if (!isLocal(`http://${host ?? ''}`) || (origin !== undefined && !isLocal(origin))) {
    throw new TransportError(403, 'foreignPage');
  }
  next();
};

function isLocal(address: string): boolean {
  return URL.canParse(address) && localNames.has(new URL(address).hostname);
}

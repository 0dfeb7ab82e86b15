import type { IRouter, RequestHandler } from 'express';
import { HttpError } from './errors';

type Method = 'get' | 'post' | 'put' | 'delete';

/** The handlers of a path by method: one, or several that run in turn. */
export type Methods = Partial<Record<Method, RequestHandler | RequestHandler[]>>;

interface RouteOptions {
  /** Whether HEAD is answered like GET. Set it to false where GET changes something. Default true. */
  head?: boolean;
}

/** Registers the methods of a path. Any other method is answered 405, with `Allow` (RFC 9110 §15.5.6). */
export function route(
  router: IRouter,
  path: string,
  methods: Methods,
  { head = true }: RouteOptions = {},
): void {
  const allowed = Object.keys(methods).map((method) => method.toUpperCase());
  if (methods.get && head) allowed.push('HEAD');
  const refuse: RequestHandler = (request) => {
    throw new HttpError(405, 'method_not_allowed', `${request.method} is not allowed here`, {
      headers: { Allow: allowed.join(', ') },
    });
  };
  const registered = router.route(path);
  // Express answers HEAD with the handler of GET, unless HEAD has its own.
  if (!head) registered.head(refuse);
  for (const [method, handlers] of Object.entries(methods) as [Method, RequestHandler][]) {
    registered[method](handlers);
  }
  registered.all(refuse);
}

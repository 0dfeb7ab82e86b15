import { IncomingMessage, ServerResponse, type ServerOptions } from 'node:http';
import type { Express } from 'express';

/**
 * The classes whose instances Node is to make for an Express app, for the options of `createServer`.
 *
 * Express gives each request and response, after Node has made them, the prototype of its own: an object that
 * changes its prototype loses what the engine knows of its shape, which slows down all that is done with it
 * and costs more than all the rest of Express. Instances of these have that prototype from the start.
 */
export function expressClasses(app: Express): Pick<ServerOptions, 'IncomingMessage' | 'ServerResponse'> {
  class ExpressRequest extends IncomingMessage {}
  class ExpressResponse<Request extends IncomingMessage> extends ServerResponse<Request> {}
  app.request = Object.setPrototypeOf(ExpressRequest.prototype, app.request) as Express['request'];
  app.response = Object.setPrototypeOf(ExpressResponse.prototype, app.response) as Express['response'];
  return { IncomingMessage: ExpressRequest, ServerResponse: ExpressResponse };
}

import type { IncomingMessage, ServerResponse } from 'node:http';
import { AuthorizationError } from './authorizationErrors';

/**
 * An error handler for Express and Connect that answers an `AuthorizationError` with its status, its headers and a
 * JSON body, `{ error, code }`. Other errors go to the next error handler.
 *
 * @example
 * import express from 'express';
 * import { authorizationErrorHandler, createAuthorizer } from 'stytch-m2m';
 *
 * const { STYTCH_PROJECT_ID = '', STYTCH_BASE_URL } = process.env;
 * const authorizer = createAuthorizer({
 *   projectId: STYTCH_PROJECT_ID,
 *   baseUrl: STYTCH_BASE_URL,
 *   realm: 'wallet-server',
 * });
 * const app = express();
 * app.use('/api', authorizer.authorizeToken('read:users'), authorizationErrorHandler);
 */
export function authorizationErrorHandler(
  error: unknown,
  _request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
): void {
  if (!AuthorizationError.is(error) || response.headersSent) {
    next(error);
    return;
  }
  const headers = { ...error.headers, 'Content-Type': 'application/json; charset=utf-8' };
  response.writeHead(error.status, headers).end(JSON.stringify(error));
}

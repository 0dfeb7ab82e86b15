import type { RequestHandler } from 'express';
import { UnauthorizedCredentialsError } from './errors';
import { hashSecret, isAmong } from './secrets';
import type { State } from './state';

/** The `user:password` of an `Authorization: Basic` header (RFC 7617 §2), or undefined if it is not one. */
export function basicCredentials(authorization: string | undefined): string | undefined {
  const encoded = /^Basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization ?? '')?.[1];
  return encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString();
}

/** Requires the project's id and secret as HTTP Basic. */
export function authenticateProject({ projectCredentials }: State): RequestHandler<unknown> {
  return async (request, _response, next) => {
    const credentials = basicCredentials(request.headers.authorization);
    if (credentials === undefined) throw new UnauthorizedCredentialsError();
    const hash = await hashSecret(credentials, projectCredentials.salt);
    if (!isAmong(hash, [projectCredentials.hash])) throw new UnauthorizedCredentialsError();
    next();
  };
}

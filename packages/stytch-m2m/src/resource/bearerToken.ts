import { InvalidRequestError, UnauthorizedError } from './authorizationErrors';

/** Headers as Node has them, or as Fetch has them. */
export type RequestHeaders =
  { readonly get: (name: string) => string | null } | { readonly authorization?: string | undefined };

/** A request of any framework. The raw headers show what Node's parsed ones hide. */
export interface IncomingRequest {
  readonly headers: RequestHeaders;
  readonly rawHeaders?: readonly string[] | undefined;
}

/** Names and values that Node reads of the headers, unless the server has another limit; Node 20 drops the rest. */
const maxRawHeaders = 2_000;

/**
 * The token of the `Authorization` header (RFC 6750 §2.1). Tokens in the query or the body are not looked at.
 *
 * @throws UnauthorizedError when there are no credentials, or those of another scheme.
 * @throws InvalidRequestError when the header is, or may be, there twice, or is not a scheme and one token.
 */
export function bearerToken(request: IncomingRequest, realm: string): string {
  const authorization = readAuthorization(request.headers);
  if (authorization?.slice(0, 6).toLowerCase() !== 'bearer') throw new UnauthorizedError(realm);
  const separator = authorization.charAt(6);
  if (separator !== '' && separator !== ' ') throw new UnauthorizedError(realm);
  const token = authorization.slice(6).replace(/^ +/, '');
  if (token === '' || token.includes(' ') || mayHaveTwo(request.rawHeaders))
    throw new InvalidRequestError(realm);
  return token;
}

function readAuthorization(headers: RequestHeaders): string | undefined {
  return 'get' in headers && typeof headers.get === 'function'
    ? (headers.get('authorization') ?? undefined)
    : (headers as { authorization?: string }).authorization;
}

/**
 * Node keeps the first of several `Authorization` headers; a proxy before it may have looked at the last. Where
 * there are so many headers that Node dropped some, a second one may be among them.
 */
function mayHaveTwo(rawHeaders: readonly string[] = []): boolean {
  if (rawHeaders.length >= maxRawHeaders) return true;
  let seen = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index];
    if (name?.length === 13 && name.toLowerCase() === 'authorization') seen += 1;
  }
  return seen > 1;
}

import { InvalidRequestError, UnauthorizedError } from './authorizationErrors';

/** The headers of Node (an object) or of Fetch (`Headers`). */
export type RequestHeaders =
  { readonly get: (name: string) => string | null } | { readonly authorization?: string | undefined };

/** A request of any framework. `rawHeaders` (Node) shows headers that `headers` hides. */
export interface IncomingRequest {
  readonly headers: RequestHeaders;
  readonly rawHeaders?: readonly string[] | undefined;
}

/** Where the `Authorization` header comes from: its value, a Fetch `Headers`, or a request. */
export type AuthorizationSource =
  string | null | undefined | Extract<RequestHeaders, { get: unknown }> | IncomingRequest;

/** The limit of names and values in Node's `rawHeaders`, unless the server sets another. Node 20 drops the rest. */
const maxRawHeaders = 2_000;

/**
 * The token of the `Authorization` header (RFC 6750 §2.1). Tokens in the query or the body are ignored.
 *
 * @throws UnauthorizedError when there are no credentials, or those of another scheme.
 * @throws InvalidRequestError when the header is not one scheme with one token, or may occur twice.
 * @throws TypeError when `from` is none of the accepted types.
 */
export function bearerToken(from: AuthorizationSource, realm: string): string {
  const authorization = readAuthorization(from);
  if (authorization?.slice(0, 6).toLowerCase() !== 'bearer') throw new UnauthorizedError(realm);
  const separator = authorization.charAt(6);
  if (separator !== '' && separator !== ' ') throw new UnauthorizedError(realm);
  const token = authorization.slice(6).replace(/^ +/, '');
  if (token === '' || token.includes(' ') || (isRequest(from) && mayHaveTwo(from.rawHeaders))) {
    throw new InvalidRequestError(realm);
  }
  return token;
}

function isRequest(from: AuthorizationSource): from is IncomingRequest {
  return typeof from === 'object' && from !== null && 'headers' in from;
}

function readAuthorization(from: AuthorizationSource): string | undefined {
  if (typeof from === 'string') return from;
  if (from === null || from === undefined) return undefined;
  const headers: unknown = isRequest(from) ? from.headers : from;
  if (typeof headers !== 'object' || headers === null) throw notARequest();
  if ('get' in headers && typeof headers.get === 'function') {
    return (headers as { get: (name: string) => string | null }).get('authorization') ?? undefined;
  }
  if (!isRequest(from)) throw notARequest();
  const { authorization } = headers as { authorization?: unknown };
  return typeof authorization === 'string' ? authorization : undefined;
}

function notARequest(): TypeError {
  return new TypeError(
    'authorize needs the value of Authorization, Fetch headers, or a request with headers',
  );
}

/**
 * Node keeps the first of several `Authorization` headers; a proxy in front may have checked the last. If there are
 * so many headers that Node dropped some, a second one may be among them.
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

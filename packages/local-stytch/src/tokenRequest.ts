import type { Request } from 'express';
import { z } from 'zod';
import { OAuthError } from './errors';
import { basicCredentials } from './projectAuthentication';

/** A client's credentials and the scopes that it asks for. */
export interface TokenRequest {
  clientId: string;
  clientSecret: string;
  /** Undefined: all scopes of the client. */
  scope: string | undefined;
}

const text = z.string().optional();
const parameterSchema = z.object({ client_id: text, client_secret: text, grant_type: text, scope: text });
type Parameters = z.infer<typeof parameterSchema>;

/**
 * Reads a token request of the client credentials grant (RFC 6749 §4.4.2).
 *
 * @throws OAuthError
 */
export function readTokenRequest(request: Request<unknown>): TokenRequest {
  const body: unknown = request.body;
  const parameters = withoutEmpty(typeof body === 'string' ? readForm(body) : readJson(body ?? {}));
  if (parameters.grant_type === undefined) {
    throw new OAuthError('invalid_request', 'The parameter grant_type is required.');
  }
  if (parameters.grant_type !== 'client_credentials') {
    throw new OAuthError('unsupported_grant_type', 'The only grant_type here is client_credentials.');
  }
  return { ...readCredentials(request.headers.authorization, parameters), scope: parameters.scope };
}

/** RFC 6749 §3.2: "Request and response parameters MUST NOT be included more than once." */
function readForm(body: string): Parameters {
  const form = new URLSearchParams(body);
  const names = [...form.keys()];
  if (new Set(names).size < names.length) {
    throw new OAuthError('invalid_request', 'A parameter is included more than once.');
  }
  return parameterSchema.parse(Object.fromEntries(form));
}

function readJson(body: unknown): Parameters {
  const result = parameterSchema.safeParse(body);
  if (!result.success) throw new OAuthError('invalid_request', 'Every parameter must be a string.');
  return result.data;
}

/** RFC 6749 §3.2: a parameter sent without a value is treated as if it were omitted. */
function withoutEmpty(parameters: Parameters): Parameters {
  return Object.fromEntries(Object.entries(parameters).filter(([, value]) => value !== ''));
}

/** RFC 6749 §2.3: credentials as HTTP Basic or in the body, and no more than one of the two. */
function readCredentials(authorization: string | undefined, parameters: Parameters) {
  const { client_id: clientId, client_secret: clientSecret } = parameters;
  if (authorization === undefined) {
    if (clientId === undefined || clientSecret === undefined) {
      throw new OAuthError('invalid_client', 'Client authentication is missing or incomplete.');
    }
    return { clientId, clientSecret };
  }
  const basic = readBasic(authorization);
  if (clientSecret !== undefined || (clientId !== undefined && clientId !== basic.clientId)) {
    throw new OAuthError('invalid_request', 'Only one method of client authentication may be used.');
  }
  return basic;
}

/** RFC 6749 §2.3.1: within HTTP Basic, id and secret are each form-urlencoded. */
function readBasic(authorization: string) {
  if (!/^Basic /i.test(authorization)) {
    throw new OAuthError('invalid_client', 'This method of client authentication is not supported.');
  }
  const [, clientId, clientSecret] = /^([^:]*):(.*)$/s.exec(basicCredentials(authorization) ?? '') ?? [];
  if (clientId === undefined || clientSecret === undefined) {
    throw new OAuthError('invalid_request', 'The Basic credentials are malformed.');
  }
  return { clientId: formDecode(clientId), clientSecret: formDecode(clientSecret) };
}

function formDecode(encoded: string): string {
  try {
    return decodeURIComponent(encoded.replaceAll('+', ' '));
  } catch {
    throw new OAuthError('invalid_request', 'The Basic credentials are not form-urlencoded.');
  }
}

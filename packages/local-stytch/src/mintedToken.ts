import { z } from 'zod';
import { InvalidAdminRequestError } from './errors';
import { type JwtHeader, signJwt } from './jwt';
import type { State } from './state';
import { tokenClaims } from './token';

/** The body of `POST /local/tokens`. */
export const mintSchema = z.strictObject({
  /** Claims that replace those of an ordinary token; null removes a claim. */
  claims: z.record(z.string(), z.unknown()).optional(),
  /** Parameters that replace those of an ordinary header; null removes a parameter. */
  header: z.record(z.string(), z.unknown()).optional(),
  /** The payload as text, signed as it is, in place of claims: for what no JSON object can say. */
  payload: z.string().optional(),
  /** `unknown`: a key that is in no JWKS, with a `kid` of its own. */
  sign_with: z.enum(['current', 'unknown']).default('current'),
});

/** Makes any token, also one that the token endpoint would not issue. By default it is one of the first client. */
export async function mintToken(state: State, wanted: z.input<typeof mintSchema>): Promise<string> {
  const key = wanted.sign_with === 'unknown' ? await state.keys.unpublished() : state.keys.current;
  const header: JwtHeader = overlay({ alg: 'RS256', kid: key.kid, typ: 'JWT' }, wanted.header);
  const [client] = state.initial.clients;
  if (!client)
    throw new InvalidAdminRequestError('There was no client at the start, so no token can be minted.');
  const claims = overlay(tokenClaims(state, client, client.scopes.join(' ')), wanted.claims);
  const token = await signJwt(header, wanted.payload ?? JSON.stringify(claims), key);
  state.tokens.add('minted', token);
  return token;
}

function overlay(
  base: Readonly<Record<string, unknown>>,
  change: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  return Object.fromEntries(Object.entries({ ...base, ...change }).filter(([, value]) => value !== null));
}

import { verify } from 'node:crypto';
import type { ExplainedToken, TokenCheck } from './consoleApi';
import { decodeJwt, type DecodedJwt } from './decodeJwt';
import { hidden } from './mask';
import type { SigningKey } from './signingKeys';
import type { State } from './state';
import { checkAudience, checkIssuer, checkScopes, checkTimes, type Finding, show } from './tokenClaimChecks';

/** A longer token is not decoded. */
const maxCharacters = 100_000;

/**
 * Explains what a resource server finds in a token, check by check (RFC 7519 §7.2). The claims are checked only under a
 * valid signature: without one they prove nothing. It never throws.
 *
 * @param requiredScopes undefined: the scopes are shown and not checked.
 */
export function explainToken(
  state: State,
  token: string,
  requiredScopes?: readonly string[],
): ExplainedToken {
  const decoded: DecodedJwt =
    token.length > maxCharacters ? { parts: null, header: null, claims: null } : decodeJwt(token);
  const { parts, header, claims } = decoded;
  const checks = makeChecks(state, decoded, requiredScopes);
  const { exp, iat } = claims ?? {};
  return {
    encoded: parts && header && { header: parts[0], payload: parts[1], signature: hidden },
    header,
    claims,
    expires_in_seconds: typeof exp === 'number' ? exp - state.clock.seconds() : null,
    lifetime_seconds: typeof exp === 'number' && typeof iat === 'number' ? exp - iat : null,
    checks,
    valid: checks.every(({ passed }) => passed !== false),
  };
}

/** The checks that a resource server makes, in their order, with the RFC that demands each. */
const rfcs = {
  form: 'RFC 7519 §7.2',
  algorithm: 'RFC 8725 §3.1',
  key: 'RFC 7517 §4.5',
  signature: 'RFC 7515 §5.2',
  issuer: 'RFC 7519 §4.1.1',
  audience: 'RFC 7519 §4.1.3',
  times: 'RFC 7519 §4.1.4 to §4.1.6',
  scopes: 'RFC 6749 §3.3',
} as const satisfies Record<TokenCheck['name'], string>;

function makeChecks(
  state: State,
  decoded: DecodedJwt,
  requiredScopes: readonly string[] | undefined,
): TokenCheck[] {
  const { header, claims } = decoded;
  const key = state.keys.all.find(({ kid }) => kid === header?.kid);
  let failed = false;
  /** A check after a failed one is not made. */
  const next = (name: TokenCheck['name'], check: () => Finding): TokenCheck => {
    const [passed, explanation] = failed
      ? ([null, 'Not checked, because an earlier check failed.'] as const)
      : check();
    if (passed === false && signatureChecks.has(name)) failed = true;
    return { name, passed, explanation, rfc: rfcs[name] };
  };
  return [
    next('form', () => checkForm(decoded)),
    next('algorithm', () => checkAlgorithm(header?.alg)),
    next('key', () => checkKey(header?.kid, key)),
    next('signature', () => checkSignature(decoded.parts, key)),
    next('issuer', () => checkIssuer(state, claims?.iss)),
    next('audience', () => checkAudience(state, claims)),
    next('times', () => checkTimes(state, claims)),
    next('scopes', () => checkScopes(claims?.scope, requiredScopes)),
  ];
}

const signatureChecks: ReadonlySet<TokenCheck['name']> = new Set(['form', 'algorithm', 'key', 'signature']);

function checkForm({ parts, header, claims }: DecodedJwt): Finding {
  if (!parts) return [false, 'It is no JWT: that has three parts in base64url, joined by dots.'];
  if (!header) return [false, 'The first part is no JSON object, so there is no header.'];
  if (!claims) return [false, 'The second part is no JSON object, so there are no claims.'];
  if (header.typ !== 'JWT') return [false, `The type (typ) is ${show(header.typ)}, and must be "JWT".`];
  if (header.crit !== undefined)
    return [false, 'The header names critical extensions (crit) that are unknown.'];
  return [true, 'It has a header, claims and a signature.'];
}

function checkAlgorithm(algorithm: unknown): Finding {
  if (algorithm === 'RS256') return [true, 'It is RS256, the only one that Stytch uses.'];
  const why = 'Only RS256 is accepted: if the token could choose, anybody could forge one.';
  return [false, `It is ${show(algorithm)}. ${why}`];
}

function checkKey(kid: unknown, key: SigningKey | undefined): Finding {
  if (key) return [true, `The key ${show(kid)} is in the JWKS.`];
  if (kid === undefined) return [false, 'The header names no key (kid).'];
  return [false, `The key ${show(kid)} is not in the JWKS: it is unknown or retired.`];
}

function checkSignature(parts: DecodedJwt['parts'], key: SigningKey | undefined): Finding {
  const [header, payload, signature] = parts ?? ['', '', ''];
  const signed = Buffer.from(`${header}.${payload}`);
  const isValid =
    key !== undefined && verify('sha256', signed, key.publicKey, Buffer.from(signature, 'base64url'));
  return isValid
    ? [true, 'It was made with this key over exactly this header and these claims.']
    : [false, 'It does not fit: the header or the claims were changed, or another key made it.'];
}

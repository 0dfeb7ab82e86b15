import { errors, jwtVerify, type JWTHeaderParameters, type JWTPayload } from 'jose';
import type { JwksCache } from './jwksCache';
import type { VerifiedToken } from './verifiedTokenCache';

/** The token is not valid: why, for the log. */
export class TokenRejectedError extends Error {
  override readonly name = 'TokenRejectedError';
}

export interface VerifyOptions {
  jwks: JwksCache;
  issuers: string[];
  audience: string;
  /** How far the clocks of Stytch and of this machine may differ. Seconds. */
  clockToleranceSeconds: number;
}

/** Claims of RFC 7519 and `scope`: the rest are custom claims. */
const registeredClaims = new Set(['aud', 'exp', 'iat', 'iss', 'jti', 'nbf', 'sub', 'scope']);

/**
 * Verifies an access token: signature, algorithm, type, issuer, audience and times, and that every claim that has
 * to be there is (RFC 7519 §7.2, RFC 8725 §3.1).
 *
 * @throws TokenRejectedError when the token is not valid.
 * @throws JwksUnavailableError when that is not known.
 */
export async function verifyToken(
  token: string,
  { jwks, issuers, audience, clockToleranceSeconds }: VerifyOptions,
): Promise<VerifiedToken> {
  if (!hasCanonicalSignature(token)) throw new TokenRejectedError('the signature is not in base64url');
  const getKey = async ({ kid }: JWTHeaderParameters) => {
    const key = kid === undefined ? undefined : await jwks.getKey(kid);
    if (!key) throw new TokenRejectedError('signed with a key that is not in the JWKS');
    return key;
  };
  try {
    const { payload, protectedHeader } = await jwtVerify(token, getKey, {
      algorithms: ['RS256'],
      issuer: issuers,
      audience,
      typ: 'JWT',
      requiredClaims: ['exp', 'sub', 'scope'],
      clockTolerance: clockToleranceSeconds,
    });
    return describe(payload, protectedHeader.kid ?? '', jwks.expiresAt);
  } catch (error) {
    // Only what jose finds wrong is the token's own fault.
    throw error instanceof errors.JOSEError ? new TokenRejectedError('not valid', { cause: error }) : error;
  }
}

/** Checks the times of a token that was verified before, as `verifyToken` does. @throws TokenRejectedError */
export function checkTimes({ expiresAt, notBefore = 0 }: VerifiedToken, toleranceSeconds: number): void {
  const now = Math.floor(Date.now() / 1_000);
  if (expiresAt <= now - toleranceSeconds) throw new TokenRejectedError('expired');
  if (notBefore > now + toleranceSeconds) throw new TokenRejectedError('not yet valid');
}

/**
 * Whether the signature is written in the one way of RFC 7515 §2. `jose` skips characters that are not base64url's
 * and the last bits, which are no part of the signature: of one good token a caller could make any number, each to
 * be verified and cached anew.
 */
function hasCanonicalSignature(token: string): boolean {
  const signature = token.slice(token.lastIndexOf('.') + 1);
  return Buffer.from(signature, 'base64url').toString('base64url') === signature;
}

function describe(payload: JWTPayload, keyId: string, verifiedUntil: number): VerifiedToken {
  const { sub, exp, nbf, iat, scope } = payload;
  if (typeof sub !== 'string' || sub === '' || typeof exp !== 'number' || typeof scope !== 'string') {
    throw new TokenRejectedError('sub, exp or scope is not of the right type');
  }
  const customClaims = Object.fromEntries(
    Object.entries(payload).filter(([claim]) => !registeredClaims.has(claim)),
  );
  const scopes = scope.split(' ').filter((one) => one !== '');
  return {
    client: deepFreeze({ clientId: sub, scopes, customClaims }),
    keyId,
    expiresAt: exp,
    notBefore: nbf,
    issuedAt: iat,
    verifiedUntil,
  };
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(deepFreeze);
  return Object.freeze(value);
}

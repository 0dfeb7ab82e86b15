import { errors, jwtVerify, type JWTHeaderParameters, type JWTPayload } from 'jose';
import type { JwksCache } from './jwksCache';
import type { VerifiedToken } from './verifiedTokenCache';

/** The token is not valid. The message is for the log. */
export class TokenRejectedError extends Error {
  override readonly name = 'TokenRejectedError';
}

export interface VerifyOptions {
  jwks: JwksCache;
  issuers: string[];
  audience: string[];
  /** The tolerated difference between the clocks of Stytch and of this machine. Seconds. */
  clockToleranceSeconds: number;
  /** The tracing context. */
  context?: unknown;
}

/** The claims of RFC 7519 and `scope`. All others are custom claims. */
const registeredClaims = new Set(['aud', 'exp', 'iat', 'iss', 'jti', 'nbf', 'sub', 'scope']);

/**
 * Verifies an access token: signature, algorithm, type, issuer, audience, times and required claims (RFC 7519 §7.2,
 * RFC 8725 §3.1).
 *
 * @throws TokenRejectedError when the token is not valid.
 * @throws JwksUnavailableError when it cannot be verified.
 */
export async function verifyToken(
  token: string,
  { jwks, issuers, audience, clockToleranceSeconds, context }: VerifyOptions,
): Promise<VerifiedToken> {
  if (!hasCanonicalSignature(token)) throw new TokenRejectedError('the signature is not in base64url');
  const getKey = async ({ kid }: JWTHeaderParameters) => {
    const key = kid === undefined ? undefined : await jwks.getKey(kid, context);
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
    // Other errors are not the token's fault.
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
 * Whether the signature is canonical base64url (RFC 7515 §2). `jose` ignores other characters and the unused last
 * bits: from one valid token a caller could make any number of variants, and each would be verified and cached.
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

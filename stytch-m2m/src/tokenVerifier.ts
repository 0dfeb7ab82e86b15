import { errors, jwtVerify, type JWTHeaderParameters, type JWTPayload } from 'jose';
import { SigningKeys, KeysUnavailable, type SigningKeysOptions } from './signingKeys';
import { stytchBaseUrl } from './stytchAddresses';
import { type VerifiedToken, VerifiedTokens } from './verifiedTokens';

/** The token does not hold: why, for the log. */
export class TokenRejected extends Error {
  override readonly name = 'TokenRejected';
}

export interface TokenVerifierOptions extends SigningKeysOptions {
  /** How many verified tokens are remembered. Default 10,000, each about 1 kB. */
  mostRememberedTokens?: number;
  /**
   * Whether a token that was verified before is accepted until its `exp` while the keys cannot be had.
   * Default true. A token never seen is not.
   */
  acceptVerifiedDuringOutage?: boolean;
  /**
   * The address of Stytch, if it is another than Stytch's own. Tokens of a project with a custom domain have it
   * as their issuer; the SDK, too, accepts both. Default: https://test.stytch.com, or https://api.stytch.com for
   * a live project.
   */
  baseUrl?: string | undefined;
}

/** Claims of RFC 7519 and `scope`: the rest are custom claims. */
const registeredClaims = new Set(['aud', 'exp', 'iat', 'iss', 'jti', 'nbf', 'sub', 'scope']);

/** Verifies a project's access tokens, and remembers for which it has done so. */
export class TokenVerifier {
  readonly keys: SigningKeys;
  readonly #issuers: string[];
  readonly #audience: string;
  readonly #remembered: VerifiedTokens;
  readonly #acceptDuringOutage: boolean;

  constructor(options: TokenVerifierOptions) {
    this.keys = new SigningKeys(options);
    this.#issuers = [`stytch.com/${options.projectId}`, stytchBaseUrl(options)];
    this.#audience = options.projectId;
    this.#remembered = new VerifiedTokens(options.mostRememberedTokens ?? 10_000);
    this.#acceptDuringOutage = options.acceptVerifiedDuringOutage ?? true;
  }

  /**
   * What is known of a token whose signature was verified a short while ago, with a key that has not been
   * withdrawn since; its times are not looked at.
   */
  recall(digest: string): VerifiedToken | undefined {
    const token = this.#remembered.get(digest);
    if (!token || performance.now() >= token.verifiedUntil || !this.keys.has(token.keyId)) return undefined;
    this.keys.renewAhead();
    return token;
  }

  /**
   * Verifies signature, algorithm, type, issuer and audience, and that what must be there is (RFC 7519 §7.2,
   * RFC 8725 §3.1). The times are for the caller to judge, for they change while the token does not.
   *
   * @throws TokenRejected when the token does not hold.
   * @throws KeysUnavailable when that cannot be told.
   */
  async verify(token: string, digest: string): Promise<VerifiedToken> {
    const before = this.#verifiedBeforeOutage(digest);
    if (before) {
      this.keys.renew(); // Not waited for: while Stytch hangs, nobody it has vouched for hangs with it.
      return before;
    }
    try {
      const verified = await this.#verifySignature(token);
      this.#remembered.set(digest, verified);
      return verified;
    } catch (error) {
      if (error instanceof KeysUnavailable) {
        const vouchedFor = this.#verifiedBeforeOutage(digest);
        if (vouchedFor) return vouchedFor;
        throw error;
      }
      this.#remembered.delete(digest);
      // Only what jose finds wrong is the token's own fault.
      throw error instanceof errors.JOSEError ? new TokenRejected('not verified', { cause: error }) : error;
    }
  }

  /** A token to accept while the keys cannot be had, unless the last that were had are without its own. */
  #verifiedBeforeOutage(digest: string): VerifiedToken | undefined {
    if (!this.#acceptDuringOutage || !this.keys.failing) return undefined;
    const token = this.#remembered.get(digest);
    return token && this.keys.has(token.keyId) ? token : undefined;
  }

  async #verifySignature(token: string): Promise<VerifiedToken> {
    if (!isCanonical(token)) throw new TokenRejected('the signature is not in base64url');
    const findKey = async ({ kid }: JWTHeaderParameters) => {
      const key = kid === undefined ? undefined : await this.keys.find(kid);
      if (!key) throw new TokenRejected('signed with a key that is not of the project');
      return key;
    };
    const { payload, protectedHeader } = await jwtVerify(token, findKey, {
      algorithms: ['RS256'],
      issuer: this.#issuers,
      audience: this.#audience,
      typ: 'JWT',
      requiredClaims: ['exp', 'sub', 'scope'],
      clockTolerance: Number.MAX_SAFE_INTEGER,
    });
    return describe(payload, protectedHeader.kid ?? '', this.keys.usableUntil);
  }
}

/**
 * Whether the signature is written in the one way of RFC 7515 §2. `jose` skips characters that are none of
 * base64url's and the last bits, which are no part of the signature: of one good token a caller could make
 * any number, each to be verified and remembered anew.
 */
function isCanonical(token: string): boolean {
  const signature = token.slice(token.lastIndexOf('.') + 1);
  return Buffer.from(signature, 'base64url').toString('base64url') === signature;
}

function describe(payload: JWTPayload, keyId: string, verifiedUntil: number): VerifiedToken {
  const { sub, exp, nbf, iat, scope } = payload;
  if (typeof sub !== 'string' || sub === '' || typeof exp !== 'number' || typeof scope !== 'string') {
    throw new TokenRejected('sub, exp or scope is not of the right type');
  }
  const custom = Object.entries(payload).filter(([claim]) => !registeredClaims.has(claim));
  return {
    client: deepFreeze({
      clientId: sub,
      scopes: scope.split(' ').filter((one) => one !== ''),
      customClaims: Object.fromEntries(custom),
    }),
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

import { stytchBaseUrl } from '../stytch/addresses';
import { JwksCache, type JwksCacheOptions, JwksUnavailableError } from './jwksCache';
import { type VerifiedToken, VerifiedTokenCache } from './verifiedTokenCache';
import { checkTimes, verifyToken } from './verifyToken';

export interface TokenVerifierOptions extends JwksCacheOptions {
  /** How many verified tokens are cached. Default 10,000, each about 1 kB. */
  maxCachedTokens?: number;
  /**
   * Whether a token that was verified before is accepted until its `exp` while the JWKS is unavailable. Default true.
   * A token never seen is not.
   */
  acceptVerifiedDuringOutage?: boolean;
  /**
   * The address of Stytch, if it is another than Stytch's own. Tokens of a project with a custom domain have it as
   * their issuer; the SDK, too, accepts both. Default: https://test.stytch.com, or https://api.stytch.com for a
   * live project.
   */
  baseUrl?: string | undefined;
}

/** Verifies a project's access tokens, and caches which it has verified. */
export class TokenVerifier {
  readonly jwks: JwksCache;
  readonly #issuers: string[];
  readonly #audience: string;
  readonly #cache: VerifiedTokenCache;
  readonly #acceptDuringOutage: boolean;

  constructor(options: TokenVerifierOptions) {
    const { projectId, maxCachedTokens = 10_000, acceptVerifiedDuringOutage = true } = options;
    this.jwks = new JwksCache(options);
    this.#issuers = [`stytch.com/${projectId}`, stytchBaseUrl(options)];
    this.#audience = projectId;
    this.#cache = new VerifiedTokenCache(maxCachedTokens);
    this.#acceptDuringOutage = acceptVerifiedDuringOutage;
  }

  /**
   * A token that was verified a short while ago, with a key that has not been withdrawn since.
   *
   * @throws TokenRejectedError when it has expired.
   */
  getCached(digest: string, clockToleranceSeconds: number): VerifiedToken | undefined {
    const token = this.#cache.get(digest);
    if (!token || performance.now() >= token.verifiedUntil || !this.jwks.has(token.keyId)) return undefined;
    checkTimes(token, clockToleranceSeconds);
    this.jwks.refreshAhead();
    return token;
  }

  /** @throws TokenRejectedError, JwksUnavailableError */
  async verify(token: string, digest: string, clockToleranceSeconds: number): Promise<VerifiedToken> {
    const before = this.#verifiedBeforeOutage(digest, clockToleranceSeconds);
    if (before) {
      this.jwks.refresh(); // Not awaited: while Stytch hangs, no request with a verified token hangs with it.
      return before;
    }
    const { jwks } = this;
    const options = { jwks, issuers: this.#issuers, audience: this.#audience, clockToleranceSeconds };
    try {
      const verified = await verifyToken(token, options);
      this.#cache.set(digest, verified);
      return verified;
    } catch (error) {
      const verified =
        error instanceof JwksUnavailableError && this.#verifiedBeforeOutage(digest, clockToleranceSeconds);
      if (verified) return verified;
      if (!(error instanceof JwksUnavailableError)) this.#cache.delete(digest);
      throw error;
    }
  }

  /** During a JWKS outage: the cached token, if its key was in the last JWKS. */
  #verifiedBeforeOutage(digest: string, clockToleranceSeconds: number): VerifiedToken | undefined {
    if (!this.#acceptDuringOutage || !this.jwks.failing) return undefined;
    const token = this.#cache.get(digest);
    if (!token || !this.jwks.has(token.keyId)) return undefined;
    checkTimes(token, clockToleranceSeconds);
    return token;
  }
}

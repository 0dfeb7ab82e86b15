import { stytchBaseUrl } from '../stytch/addresses';
import { JwksCache, type JwksCacheOptions, JwksUnavailableError } from './jwksCache';
import { type VerifiedToken, VerifiedTokenCache } from './verifiedTokenCache';
import { checkTimes, verifyToken } from './verifyToken';

export interface TokenVerifierOptions extends JwksCacheOptions {
  /**
   * The accepted issuers (`iss`). Default: `stytch.com/{project_id}` and the base URL, which is the issuer of a project
   * with a custom domain. The SDK accepts the same two.
   */
  issuer?: string | readonly string[] | undefined;
  /** The accepted audience (`aud`), one or a list. Default: the project's id. */
  audience?: string | readonly string[] | undefined;
  /** The maximum number of verified tokens in the cache. Default 10,000, each about 1 kB. */
  maxCachedTokens?: number;
  /**
   * Whether a token that was verified before is accepted until its `exp` while the JWKS is unavailable. Default true.
   * A new token is not accepted then.
   */
  acceptVerifiedDuringOutage?: boolean;
}

/** Verifies a project's access tokens, and caches the verified ones. */
export class TokenVerifier {
  readonly jwks: JwksCache;
  readonly #issuers: string[];
  readonly #audience: string[];
  readonly #cache: VerifiedTokenCache;
  readonly #acceptDuringOutage: boolean;

  constructor(options: TokenVerifierOptions) {
    const { projectId, maxCachedTokens = 10_000, acceptVerifiedDuringOutage = true } = options;
    this.jwks = new JwksCache(options);
    const baseUrl = stytchBaseUrl(options);
    const { issuer = [`stytch.com/${projectId}`, baseUrl], audience = projectId } = options;
    this.#issuers = [issuer].flat();
    this.#audience = [audience].flat();
    if (![this.#issuers, this.#audience].every((list) => list.length > 0 && list.every(Boolean))) {
      throw new TypeError('issuer and audience must not be empty');
    }
    this.#cache = new VerifiedTokenCache(maxCachedTokens);
    this.#acceptDuringOutage = acceptVerifiedDuringOutage;
  }

  /**
   * Gets a token that was verified recently, with a key that is still in the JWKS.
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

  /**
   * Verifies a token, unless that is impossible during a JWKS outage and it was verified before.
   *
   * @param context the tracing context.
   * @throws TokenRejectedError, JwksUnavailableError
   */
  async verify(
    token: string,
    digest: string,
    clockToleranceSeconds: number,
    context?: unknown,
  ): Promise<VerifiedToken> {
    const before = this.#verifiedBeforeOutage(digest, clockToleranceSeconds);
    if (before) {
      this.jwks.refresh(); // Not awaited: if Stytch hangs, requests with verified tokens must not.
      return before;
    }
    const { jwks } = this;
    const options = {
      jwks,
      issuers: this.#issuers,
      audience: this.#audience,
      clockToleranceSeconds,
      context,
    };
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

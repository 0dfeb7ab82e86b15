import { hash } from 'node:crypto';

/** The calling M2M client, from its access token. Frozen, because all requests with the same token share it. */
export interface M2MClientIdentity<Claims extends object = Record<string, unknown>> {
  readonly clientId: string;
  readonly scopes: readonly string[];
  /** The claims beside the registered ones and `scope`. The project's JWT template adds them. */
  readonly customClaims: Readonly<Claims>;
}

/** The content of a verified token. Its times are epoch seconds, as in the token. */
export interface VerifiedToken {
  readonly client: M2MClientIdentity;
  /** The id of the key that signed it. */
  readonly keyId: string;
  readonly expiresAt: number;
  readonly notBefore: number | undefined;
  readonly issuedAt: number | undefined;
  /** The signature has to be verified again after this time. Milliseconds of `performance.now()`. */
  readonly verifiedUntil: number;
}

/** A cache of verified tokens by their SHA-256, without the tokens themselves. It evicts the least recently used. */
export class VerifiedTokenCache {
  readonly #tokens = new Map<string, VerifiedToken>();

  constructor(readonly maxTokens: number) {}

  static digest(token: string): string {
    return hash('sha256', token, 'base64');
  }

  get(digest: string): VerifiedToken | undefined {
    const token = this.#tokens.get(digest);
    if (!token) return undefined;
    this.#tokens.delete(digest);
    this.#tokens.set(digest, token);
    return token;
  }

  set(digest: string, token: VerifiedToken): void {
    this.#tokens.delete(digest);
    this.#tokens.set(digest, token);
    const [oldest] = this.#tokens.keys();
    if (oldest !== undefined && this.#tokens.size > this.maxTokens) this.#tokens.delete(oldest);
  }

  delete(digest: string): void {
    this.#tokens.delete(digest);
  }
}

import { hash } from 'node:crypto';

/** Who calls, as the access token says. Frozen: all requests with the same token share it. */
export interface M2MClientIdentity {
  readonly clientId: string;
  readonly scopes: readonly string[];
  /** Claims beside the registered ones and `scope`, as the project's JWT template adds them. */
  readonly customClaims: Readonly<Record<string, unknown>>;
}

/** What a verified token says. Its times are epoch seconds, as in the token. */
export interface VerifiedToken {
  readonly client: M2MClientIdentity;
  /** Of the key that signed it. */
  readonly keyId: string;
  readonly expiresAt: number;
  readonly notBefore: number | undefined;
  readonly issuedAt: number | undefined;
  /** Until when the signature need not be verified again. Milliseconds of `performance.now()`. */
  readonly verifiedUntil: number;
}

/** Verified tokens by their SHA-256: the token itself is not stored. The least recently used one makes room. */
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

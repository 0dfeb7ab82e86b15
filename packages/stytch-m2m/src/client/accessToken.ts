import type { AccessTokenUnavailableError } from './accessTokenUnavailableError';

export interface AccessToken {
  accessToken: string;
  /** `cache`: from the cache. `issued`: requested now. `refreshed`: requested now, to replace an earlier token. */
  source: 'cache' | 'issued' | 'refreshed';
}

/** An event of the token cache, for metrics and logs. No event contains a token. */
export type AccessTokenEvent =
  | {
      type: 'issued' | 'refreshed';
      scopes: readonly string[];
      expiresInSeconds: number;
      milliseconds: number;
    }
  | { type: 'cache_hit' | 'invalidated'; scopes: readonly string[] }
  | { type: 'failed'; scopes: readonly string[]; error: AccessTokenUnavailableError };

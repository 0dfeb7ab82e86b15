/** Payments with a token cache that behaves like google-auth-library, after its documentation and source. */
import { servePayments } from './cachedPayments';
import { requestToken } from './tokenRequest';

/**
 * `eagerRefreshThresholdMillis` of google-auth-library 10.9.1, by default five minutes: a token counts as expiring
 * that long before its expiry, and callers then wait for a new one.
 */
const eagerRefreshThresholdMilliseconds = 300_000;

let cached: { accessToken: string; expiresAt: number } | undefined;
/** The request in flight, which all callers share. */
let pending: Promise<string> | undefined;

servePayments(() => {
  if (cached && cached.expiresAt - Date.now() > eagerRefreshThresholdMilliseconds) {
    return Promise.resolve(cached.accessToken);
  }
  return (pending ??= refresh().finally(() => {
    pending = undefined;
  }));
});

async function refresh(): Promise<string> {
  const { access_token, expires_in } = await requestToken();
  cached = { accessToken: access_token, expiresAt: Date.now() + expires_in * 1_000 };
  return access_token;
}

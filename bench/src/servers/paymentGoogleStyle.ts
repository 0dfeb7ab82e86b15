/** Payments with a token cache that behaves as google-auth-library's documentation and source describe. */
import { servePayments } from './cachedPayments';
import { requestToken } from './tokenRequest';

/**
 * `eagerRefreshThresholdMillis` of google-auth-library 10.9.1, by default five minutes: a token counts as
 * expiring from so long before its end, and whoever wants it then waits for a new one.
 */
const eagerRefreshThresholdMilliseconds = 300_000;

let kept: { accessToken: string; expiresAt: number } | undefined;
/** Those who want a token while one is under way share it. */
let pending: Promise<string> | undefined;

servePayments(() => {
  if (kept && kept.expiresAt - Date.now() > eagerRefreshThresholdMilliseconds) {
    return Promise.resolve(kept.accessToken);
  }
  return (pending ??= refresh().finally(() => {
    pending = undefined;
  }));
});

async function refresh(): Promise<string> {
  const { access_token, expires_in } = await requestToken();
  kept = { accessToken: access_token, expiresAt: Date.now() + expires_in * 1_000 };
  return access_token;
}

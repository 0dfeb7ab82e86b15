/** Payments with a token cache that behaves like `acquireTokenByClientCredential` of msal-node. */
import { servePayments } from './cachedPayments';
import { requestToken } from './tokenRequest';

/**
 * After the source of msal-node 7.2.1: a token counts as expired five minutes (`tokenRenewalOffsetSeconds`) before its
 * expiry. Callers do not share a request. The proactive refresh starts at `refresh_in`, which Stytch's token endpoint
 * does not send, so there is none here.
 */
const tokenRenewalOffsetSeconds = 300;

let cached: { accessToken: string; expiresOn: number } | undefined;

servePayments(async () => {
  if (cached && nowSeconds() + tokenRenewalOffsetSeconds <= cached.expiresOn) return cached.accessToken;
  const requestedAt = nowSeconds();
  const { access_token, expires_in } = await requestToken();
  cached = { accessToken: access_token, expiresOn: requestedAt + expires_in };
  return access_token;
});

function nowSeconds(): number {
  return Math.round(Date.now() / 1_000);
}

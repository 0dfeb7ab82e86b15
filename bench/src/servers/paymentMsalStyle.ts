/** Payments with a token cache that behaves as msal-node's `acquireTokenByClientCredential` does. */
import { servePayments } from './cachedPayments';
import { requestToken } from './tokenRequest';

/**
 * Of msal-node 7.2.1, by its source: a token counts as expired five minutes (`tokenRenewalOffsetSeconds`)
 * before its end. Callers do not share a request. The proactive refresh takes place from `refresh_in` on,
 * which Stytch's token endpoint does not answer with, so there is none here.
 */
const tokenRenewalOffsetSeconds = 300;

let kept: { accessToken: string; expiresOn: number } | undefined;

servePayments(async () => {
  if (kept && nowSeconds() + tokenRenewalOffsetSeconds <= kept.expiresOn) return kept.accessToken;
  const askedAt = nowSeconds();
  const { access_token, expires_in } = await requestToken();
  kept = { accessToken: access_token, expiresOn: askedAt + expires_in };
  return access_token;
});

function nowSeconds(): number {
  return Math.round(Date.now() / 1_000);
}

import type { Fetched } from '../refreshingCache';
import { StytchUnavailableError } from '../stytch/callStytch';

// Milliseconds.
const maxRefreshWindow = 300_000;
const maxSafetyMargin = 2_000;
/** `exp` is in whole seconds, so up to one second of `expires_in` may have passed when the token arrives. */
const wholeSecond = 1_000;

/** Reads an answer of the token endpoint. @throws StytchUnavailableError when it is not as in RFC 6749 §5.1. */
export function readTokenAnswer(answer: unknown): { accessToken: string; expiresInSeconds: number } {
  const { access_token: accessToken, expires_in: expiresInSeconds } = (answer ?? {}) as Record<
    string,
    unknown
  >;
  const lives =
    typeof expiresInSeconds === 'number' && Number.isFinite(expiresInSeconds) && expiresInSeconds > 0;
  if (typeof accessToken === 'string' && accessToken !== '' && lives)
    return { accessToken, expiresInSeconds };
  throw new StytchUnavailableError('Stytch answered without an access token', false);
}

/**
 * Calculates how long an access token is used, and when a caller starts its refresh: 5 to 10 min before its use ends, or
 * 10 to 20 % of its lifetime if that is shorter, but not in the first half of its use. The moment is random, so that
 * processes that started together do not refresh together.
 *
 * @param lifetime `expires_in`, in milliseconds.
 */
export function timesOf(
  lifetime: number,
): Pick<Fetched<unknown>, 'lifetimeMilliseconds' | 'refreshAfterMilliseconds'> {
  const usable = lifetime - wholeSecond - Math.min(maxSafetyMargin, lifetime / 10);
  const window = Math.min(maxRefreshWindow, lifetime / 10) * (1 + Math.random());
  return { lifetimeMilliseconds: usable, refreshAfterMilliseconds: usable - Math.min(window, usable / 2) };
}

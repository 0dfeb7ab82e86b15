import type { RequestHandler } from 'express';
import { rateLimit } from 'express-rate-limit';
import { HttpError } from './errors';

/**
 * Middleware that lets one address make so many requests a minute and answers the rest 429 with `Retry-After`
 * (RFC 6585 §4). Each replica counts for itself.
 */
export function limitRate(requestsPerMinute: number): RequestHandler {
  const windowSeconds = 60;
  return rateLimit({
    windowMs: windowSeconds * 1_000,
    limit: requestsPerMinute,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    // The address is that of the connection; what X-Forwarded-For says is anybody's word.
    validate: { xForwardedForHeader: false },
    handler: (request, _response, next) => {
      const { rateLimit: state } = request as typeof request & { rateLimit?: { resetTime?: Date } };
      const left = ((state?.resetTime?.getTime() ?? 0) - Date.now()) / 1_000;
      const seconds = Math.min(windowSeconds, Math.max(1, Math.ceil(left)));
      next(
        new HttpError(429, 'too_many_requests', 'Too many requests from this address', {
          headers: { 'Retry-After': String(seconds) },
        }),
      );
    },
  });
}

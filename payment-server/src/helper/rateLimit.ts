import type { RequestHandler } from 'express';
import { rateLimit } from 'express-rate-limit';
import { HttpError } from 'service-kit';

/**
 * Middleware that lets one address make so many requests a minute and answers the rest 429 with `Retry-After`
 * (RFC 6585 §4). Each replica counts for itself.
 */
export function limitRate(requestsPerMinute: number): RequestHandler {
  return rateLimit({
    windowMs: 60_000,
    limit: requestsPerMinute,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    // The address is that of the connection; what X-Forwarded-For and Forwarded say is anybody's word.
    validate: { xForwardedForHeader: false, forwardedHeader: false },
    handler: (_request, _response, next) => {
      next(new HttpError(429, 'too_many_requests', 'Too many requests from this address'));
    },
  });
}

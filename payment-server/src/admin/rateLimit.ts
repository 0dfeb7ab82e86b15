import type { Request, RequestHandler } from 'express';
import { ipKeyGenerator, rateLimit, type Store } from 'express-rate-limit';
import { HttpError } from 'service-kit';
import { AuthorizationError } from 'stytch-m2m';

/**
 * Authorizes a request and limits the requests a minute, for each authorized M2M client and for each address whose
 * requests are refused. The two are counted separately, so that refused callers cannot lock out operators behind the
 * same gateway. Above the limit the answer is 429 with `Retry-After` (RFC 6585 §4). Each replica counts on its own.
 */
export function limitRate(authorize: RequestHandler, requestsPerMinute: number): RequestHandler {
  const limitClient = limit(requestsPerMinute, ({ m2mClient }) => m2mClient?.clientId ?? '');
  const limitAddress = limit(requestsPerMinute, addressOf);
  return (request, response, next) =>
    authorize(request, response, (error?: unknown) => {
      if (error === undefined) limitClient(request, response, next);
      else if (isRefusal(error))
        limitAddress(request, response, (limited: unknown) => {
          next(limited ?? error);
        });
      else next(error);
    });
}

const windowMilliseconds = 60_000;

function limit(requestsPerMinute: number, keyGenerator: (request: Request) => string): RequestHandler {
  return rateLimit({
    windowMs: windowMilliseconds,
    store: new MinuteCounts(),
    limit: requestsPerMinute,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    keyGenerator,
    // Only the address of the connection counts: anyone can send X-Forwarded-For and Forwarded.
    validate: { xForwardedForHeader: false, forwardedHeader: false },
    handler: (_request, _response, next) => {
      next(new HttpError(429, 'too_many_requests', 'Too many requests in a minute'));
    },
  });
}

/** Counts with the monotonic clock. With the library's own store a minute gets longer when the clock is set back. */
class MinuteCounts implements Store {
  readonly localKeys = true;
  readonly #counts = new Map<string, number>();
  #endsAt = -Infinity;

  increment(key: string) {
    const now = performance.now();
    if (now >= this.#endsAt) {
      this.#counts.clear();
      this.#endsAt = now + windowMilliseconds;
    }
    const totalHits = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, totalHits);
    return { totalHits, resetTime: new Date(Date.now() + this.#endsAt - now) };
  }

  decrement(key: string): void {
    this.#counts.set(key, (this.#counts.get(key) ?? 1) - 1);
  }

  resetKey(key: string): void {
    this.#counts.delete(key);
  }
}

/** After a reset a connection has no address. */
function addressOf({ ip }: Request): string {
  return ip === undefined ? 'none' : ipKeyGenerator(ip);
}

/** A 503 is not a refusal: it says nothing about the caller. */
function isRefusal(error: unknown): boolean {
  return error instanceof AuthorizationError && error.status < 500;
}

import type { Request, Response } from 'express';
import { HttpError } from './errors';
import { probePaths } from './health';

/**
 * Bounds how many requests a process works on at a time, and so how much memory they take. A request above the
 * limit is refused at once (RFC 9110 §15.6.4), so that its caller can go to another replica.
 */
export class RequestLimit {
  #requests = 0;

  constructor(
    /** 1,024 is more than any one connection can reach. */
    private readonly maximum = 1_024,
    /** Paths that are answered all the same. */
    private readonly exempt: ReadonlySet<string> = probePaths,
  ) {}

  /** Whether there are too many requests to take this one. */
  refuses({ originalUrl }: Request): boolean {
    return this.#requests >= this.maximum && !this.exempt.has(originalUrl);
  }

  /** Counts a request until it is answered. */
  count(response: Response): void {
    this.#requests += 1;
    response.on('close', this.#answered);
  }

  readonly #answered = (): void => {
    this.#requests -= 1;
  };
}

/** The answer to a request above the limit. */
export function overloaded(): HttpError {
  const headers = { 'Retry-After': '1', Connection: 'close' };
  return new HttpError(503, 'overloaded', 'Too many requests are being worked on', { headers });
}

import type { Request, RequestHandler, Response } from 'express';
import { clientNotAllowed, isCertificateValidNow } from './clientCertificate';
import { HttpError } from './errors';
import { probePaths } from './health';
import { originGuard } from './origins';

/** Bounds how many requests a process works on at a time, and so the memory that they take. */
export class RequestLimit {
  #requests = 0;

  /**
   * @param maximum default 1,024: no single connection reaches it.
   * @param exempt paths that are never refused.
   */
  constructor(
    private readonly maximum = 1_024,
    private readonly exempt: ReadonlySet<string> = probePaths,
  ) {}

  /** Whether the limit is reached for this request. */
  refuses({ originalUrl }: Request): boolean {
    return this.#requests >= this.maximum && !this.exempt.has(originalUrl);
  }

  /** Counts a request until its response is closed. */
  count(response: Response): void {
    this.#requests += 1;
    response.on('close', this.#answered);
  }

  readonly #answered = (): void => {
    this.#requests -= 1;
  };
}

export interface AdmissionOptions {
  /** How many requests are worked on at a time. Default 1,024. */
  maximumRequests?: number | undefined;
  /** Origins whose pages may call. Default: none. */
  allowedOrigins?: readonly string[] | undefined;
}

/**
 * Refuses requests before any route sees them: above the limit (503, RFC 9110 §15.6.4, so that the caller can try
 * another replica), with an expired client certificate, or from a page of another origin. It is one middleware because
 * each middleware costs as much as all three checks.
 */
export function admitRequests({ maximumRequests, allowedOrigins }: AdmissionOptions): RequestHandler {
  const limit = new RequestLimit(maximumRequests);
  const whyOriginRefused = originGuard(allowedOrigins);
  return (request, response, next) => {
    if (limit.refuses(request)) {
      const headers = { 'Retry-After': '1', Connection: 'close' };
      next(new HttpError(503, 'overloaded', 'Too many requests are being worked on', { headers }));
      return;
    }
    limit.count(response);
    if (isCertificateValidNow(request.socket)) next(whyOriginRefused(request));
    else next(clientNotAllowed("the client's certificate has expired"));
  };
}

import type { RequestHandler } from 'express';
import { whyCertificateRefused } from './clientCertificate';
import { originGuard } from './origins';
import { overloaded, RequestLimit } from './overload';

export interface AdmissionOptions {
  /** How many requests may be worked on at a time. Default 1,024. */
  maximumRequests?: number | undefined;
  /** Origins whose pages may call. Default: none. */
  allowedOrigins?: readonly string[] | undefined;
}

/**
 * Middleware that refuses what no route should see: requests above a limit, ended client certificates, requests of
 * pages of other origins. It is one function, for each middleware costs a request as much as all of these checks.
 */
export function admitRequests({ maximumRequests, allowedOrigins }: AdmissionOptions): RequestHandler {
  const limit = new RequestLimit(maximumRequests);
  const whyOriginRefused = originGuard(allowedOrigins);
  return (request, response, next) => {
    if (limit.refuses(request)) {
      next(overloaded());
      return;
    }
    limit.count(response);
    next(whyCertificateRefused(request.socket) ?? whyOriginRefused(request));
  };
}

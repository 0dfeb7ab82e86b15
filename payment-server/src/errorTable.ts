import type { ErrorRequestHandler } from 'express';
import { HttpError } from 'service-kit';
import {
  AccessTokenUnavailableError,
  RotationConflictError,
  SecretStoreError,
  StytchApiError,
  StytchUnavailableError,
} from 'stytch-m2m';

/**
 * What callers get when Stytch is the trouble, in one table:
 *
 * | trouble | answer |
 * |---|---|
 * | Stytch cannot be reached, or is too busy | 503 `stytch_unreachable`, `Retry-After` |
 * | Stytch does not answer in time | 504 `stytch_timeout`, `Retry-After` |
 * | Stytch does not accept this service's credentials | 502 `stytch_refused_credentials`, never 401 |
 * | Stytch refuses an administrator's call | its own status and `error_type` |
 * | a rotation would cost this service its access, or another is at work | 409 `rotation_conflict` |
 * | the file of the client secret cannot be read or written | 500 `secret_store_failed` |
 */
export const translateErrors: ErrorRequestHandler = (error: unknown, _request, _response, next) => {
  next(translate(error));
};

function translate(error: unknown): unknown {
  if (error instanceof AccessTokenUnavailableError) {
    if (error.reason === 'refused') return refusedCredentials(error);
    return unavailable(error.reason === 'timeout', error.retryAfterSeconds, error);
  }
  if (error instanceof StytchUnavailableError)
    return unavailable(error.timedOut, error.retryAfterSeconds ?? 1, error);
  if (error instanceof StytchApiError) return refused(error);
  if (error instanceof RotationConflictError) return new HttpError(409, 'rotation_conflict', error.message);
  if (error instanceof SecretStoreError) {
    return new HttpError(500, 'secret_store_failed', error.message, { cause: error });
  }
  return error;
}

function refused(error: StytchApiError): HttpError {
  const { status, errorType, errorMessage, stytchRequestId, retryAfterSeconds } = error;
  if (status === 401) return refusedCredentials(error);
  return new HttpError(status, errorType, errorMessage, {
    headers: retryAfterSeconds === undefined ? {} : { 'Retry-After': String(retryAfterSeconds) },
    details: { error_type: errorType, stytch_request_id: stytchRequestId },
    cause: error,
  });
}

function refusedCredentials(cause: Error): HttpError {
  return new HttpError(502, 'stytch_refused_credentials', 'Stytch refuses the credentials of this service', {
    cause,
  });
}

function unavailable(timedOut: boolean, retryAfterSeconds: number, cause: Error): HttpError {
  const headers = { 'Retry-After': String(retryAfterSeconds) };
  return timedOut
    ? new HttpError(504, 'stytch_timeout', 'Stytch did not answer in time', { headers, cause })
    : new HttpError(503, 'stytch_unreachable', 'Stytch cannot be reached now', { headers, cause });
}

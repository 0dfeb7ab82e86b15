import type { ErrorRequestHandler } from 'express';
import { HttpError } from 'service-kit';
import {
  AccessTokenUnavailableError,
  RotationConflictError,
  SecretStoreError,
  SecretStoreReadOnlyError,
  StytchApiError,
  StytchUnavailableError,
} from 'stytch-m2m';
import { WalletError, type WalletErrorReason } from './wallet/walletError';

/** The answers to errors of the wallet-server. */
const walletAnswers: Record<WalletErrorReason, readonly [status: number, code: string, message: string]> = {
  token_rejected: [502, 'wallet_rejected_token', 'The wallet-server rejects the access token'],
  refused: [502, 'wallet_refused_credentials', 'The wallet-server refuses this service'],
  invalid_customer: [400, 'invalid_customer', 'Invalid customer'],
  unavailable: [503, 'wallet_unreachable', 'The wallet-server cannot be reached now'],
  timeout: [504, 'wallet_timeout', 'The wallet-server did not answer in time'],
  invalid_answer: [502, 'wallet_answer_invalid', 'The wallet-server did not answer as it should'],
};

const readOnly =
  'This server only follows the client secret: the job rotate-client-secret rotates it. See docs/secret-rotation.md';

/**
 * Maps all domain errors to HTTP. The answers to errors of Stytch:
 *
 * | error | answer |
 * |---|---|
 * | Stytch is unreachable or too busy | 503 `stytch_unreachable`, `Retry-After` |
 * | Stytch does not answer in time | 504 `stytch_timeout`, `Retry-After` |
 * | Stytch does not accept this service's credentials | 502 `stytch_refused_credentials`, never 401 |
 * | Stytch refuses an operator's call | its own status and `error_type` |
 * | a rotation would cost this service its access, or another is running | 409 `rotation_conflict` |
 * | this server only follows the client secret | 409 `secret_read_only` |
 * | the file of the client secret cannot be read or written | 500 `secret_store_failed` |
 */
export const mapErrors: ErrorRequestHandler = (error: unknown, _request, _response, next) => {
  next(toHttpError(error));
};

/** @returns the error itself when it is not a domain error. */
export function toHttpError(error: unknown): unknown {
  if (error instanceof WalletError) return ofWallet(error);
  if (error instanceof AccessTokenUnavailableError) {
    return error.reason === 'refused'
      ? refusedCredentials(error)
      : ofUnavailableStytch(error.reason === 'timeout', error.retryAfterSeconds, error);
  }
  if (error instanceof StytchUnavailableError) {
    return ofUnavailableStytch(error.timedOut, error.retryAfterSeconds ?? 1, error);
  }
  if (error instanceof StytchApiError) return ofStytchApi(error);
  if (error instanceof RotationConflictError) return new HttpError(409, 'rotation_conflict', error.message);
  if (error instanceof SecretStoreReadOnlyError) return new HttpError(409, 'secret_read_only', readOnly);
  if (error instanceof SecretStoreError) {
    return new HttpError(500, 'secret_store_failed', error.message, { cause: error });
  }
  return error;
}

function ofWallet(error: WalletError): HttpError {
  const [status, code, message] = walletAnswers[error.reason];
  return new HttpError(error.status ?? status, code, message, {
    headers: retryAfter(error.retryAfterSeconds),
    cause: error,
  });
}

function ofStytchApi(error: StytchApiError): HttpError {
  const { status, errorType, errorMessage, stytchRequestId, retryAfterSeconds } = error;
  if (status === 401) return refusedCredentials(error);
  return new HttpError(status, errorType, errorMessage, {
    headers: retryAfter(retryAfterSeconds),
    details: { error_type: errorType, stytch_request_id: stytchRequestId },
    cause: error,
  });
}

function refusedCredentials(cause: Error): HttpError {
  const message = 'Stytch refuses the credentials of this service';
  return new HttpError(502, 'stytch_refused_credentials', message, { cause });
}

function ofUnavailableStytch(timedOut: boolean, retryAfterSeconds: number, cause: Error): HttpError {
  const options = { headers: retryAfter(retryAfterSeconds), cause };
  return timedOut
    ? new HttpError(504, 'stytch_timeout', 'Stytch did not answer in time', options)
    : new HttpError(503, 'stytch_unreachable', 'Stytch cannot be reached now', options);
}

function retryAfter(seconds: number | undefined): Record<string, string> {
  return seconds === undefined ? {} : { 'Retry-After': String(seconds) };
}

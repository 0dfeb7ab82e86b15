import { RequestError, StytchError } from 'stytch';

/** An OAuth error of Stytch, as the SDK throws it. */
export function oauthError(status: number, error: string): StytchError {
  return new StytchError({
    status_code: status,
    request_id: 'request-id-test-1',
    error,
    error_description: `described: ${error}`,
    error_uri: `https://stytch.com/docs/api/errors/${status}#${error}`,
  });
}

/** An error of Stytch's API, as the SDK throws it. */
export function apiError(status: number, errorType: string): StytchError {
  return new StytchError({
    status_code: status,
    request_id: 'request-id-test-1',
    error_type: errorType,
    error_message: `described: ${errorType}`,
    error_url: `https://stytch.com/docs/api/errors/${status}#${errorType}`,
    error_details: undefined,
  });
}

/** A network error, as the SDK throws it. It contains the request with its secret. */
export function networkError(message = 'fetch failed'): RequestError {
  const dataRaw = new URLSearchParams({ client_secret: 'secret-1' });
  return new RequestError(message, {
    method: 'POST',
    url: '/v1/public/project-test-1/oauth2/token',
    dataRaw,
  });
}

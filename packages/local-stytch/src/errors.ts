import { oauthErrorStatus, type Refusal, refusals, transportErrors } from './assumptions';

/** An error that carries its own answer. */
export abstract class ApiError extends Error {
  /** The fields of the answer beside `status_code` and `request_id`. */
  abstract readonly body: Readonly<Record<string, string>>;

  constructor(
    readonly status: number,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }
}

function documentation(status: number, errorType: string): string {
  return `https://stytch.com/docs/api/errors/${status}#${errorType}`;
}

/** An error in the form of Stytch's API. */
export class StytchApiError extends ApiError {
  readonly body: Readonly<Record<string, string>>;

  constructor(
    status: number,
    readonly errorType: string,
    message: string,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(status, message, headers);
    this.body = {
      error_type: errorType,
      error_message: message,
      error_url: documentation(status, errorType),
    };
  }
}

/** An error of the token endpoint, in the form of RFC 6749 §5.2. */
export class OAuthError extends ApiError {
  readonly body: Readonly<Record<string, string>>;

  constructor(
    readonly error: 'invalid_request' | 'invalid_client' | 'unsupported_grant_type' | 'invalid_scope',
    description: string,
  ) {
    super(oauthErrorStatus, description);
    this.body = {
      error,
      error_description: description,
      error_uri: documentation(oauthErrorStatus, error),
    };
  }
}

/** A management call that Stytch refuses. */
export class RefusedError extends StytchApiError {
  constructor(refusal: Refusal) {
    const [status, message] = refusals[refusal];
    super(status, refusal, message);
  }
}

/** The credentials are not the project's id and secret. */
export class UnauthorizedCredentialsError extends StytchApiError {
  constructor() {
    super(401, 'unauthorized_credentials', 'Unauthorized credentials.', {
      'WWW-Authenticate': 'Basic realm="Stytch", charset="UTF-8"',
    });
  }
}

export class ClientNotFoundError extends StytchApiError {
  constructor() {
    super(404, 'm2m_client_not_found', 'The m2m client requested could not be found.');
  }
}

export class InternalError extends StytchApiError {
  constructor() {
    super(500, 'internal_server_error', 'Internal server error.');
  }
}

export class TooManyRequestsError extends StytchApiError {
  constructor(headers: Readonly<Record<string, string>> = {}) {
    super(429, 'too_many_requests', 'Too many requests have been made.', headers);
  }
}

/** A request that reaches no operation. */
export class TransportError extends StytchApiError {
  constructor(
    status: number,
    kind: keyof typeof transportErrors,
    headers: Readonly<Record<string, string>> = {},
  ) {
    const [errorType, message] = transportErrors[kind];
    super(status, errorType, message, headers);
  }
}

/** A wrong request to the admin API. The message names every wrong field. */
export class InvalidAdminRequestError extends StytchApiError {
  constructor(message: string) {
    super(400, 'invalid_admin_request', message);
  }
}

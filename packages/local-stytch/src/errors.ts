import { oauthErrorStatus, type Refusal, refusals, transportErrors } from './assumptions';

/** An error that knows its own answer. */
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

/** A management call that cannot be done as asked. */
export class Refused extends StytchApiError {
  constructor(refusal: Refusal) {
    const [status, message] = refusals[refusal];
    super(status, refusal, message);
  }
}

/** Not the project's id and secret. */
export class UnauthorizedCredentials extends StytchApiError {
  constructor() {
    super(401, 'unauthorized_credentials', 'Unauthorized credentials.', {
      'WWW-Authenticate': 'Basic realm="Stytch", charset="UTF-8"',
    });
  }
}

export class ClientNotFound extends StytchApiError {
  constructor() {
    super(404, 'm2m_client_not_found', 'The m2m client requested could not be found.');
  }
}

export class InternalError extends StytchApiError {
  constructor() {
    super(500, 'internal_server_error', 'Internal server error.');
  }
}

export class TooManyRequests extends StytchApiError {
  constructor(headers: Readonly<Record<string, string>> = {}) {
    super(429, 'too_many_requests', 'Too many requests have been made.', headers);
  }
}

/** A request that does not come as far as an operation. */
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

/** A control under `/local/` that cannot be done as asked: the message names every field at fault. */
export class ControlMisuse extends StytchApiError {
  constructor(message: string) {
    super(400, 'local_control_misuse', message);
  }
}

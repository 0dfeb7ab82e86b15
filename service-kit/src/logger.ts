import { type DestinationStream, type Logger, pino } from 'pino';

export type { Logger } from 'pino';

/** Names under which secrets and tokens travel. Nothing logs them; this is the net under that rule. */
const secretNames = [
  'authorization',
  'Authorization',
  'access_token',
  'accessToken',
  'client_secret',
  'clientSecret',
  'next_client_secret',
  'nextClientSecret',
  'STYTCH_SECRET',
  'CLIENT_SECRET',
];

/**
 * A logger that writes one JSON object a line, to standard output unless told otherwise.
 * Errors are written as name, message, code, stack and cause only: the objects that HTTP clients throw
 * carry requests, and requests carry credentials.
 */
export function createLogger(
  { name, level }: { name: string; level: string },
  destination?: DestinationStream,
): Logger {
  const options = {
    name,
    level,
    base: { name },
    redact: secretNames.flatMap((secret) => [secret, `*.${secret}`, `*.*.${secret}`]),
    serializers: { err: describeError },
  };
  return destination ? pino(options, destination) : pino(options);
}

/** What may be logged of something thrown. */
export function describeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return { message: `not an Error: ${typeof error}` };
  const { code } = error as { code?: unknown };
  return {
    type: error.name,
    message: error.message,
    ...(typeof code === 'string' && { code }),
    stack: error.stack,
    ...(error.cause !== undefined && depth < 4 && { cause: describeError(error.cause, depth + 1) }),
  };
}

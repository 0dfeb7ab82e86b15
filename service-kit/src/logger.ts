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
 * Lines gather for up to 100 ms or 4 KiB and are written beside the event loop, which waits for no reader of
 * the log; what gathers while a reader stands still is bounded. Whatever is left is written at the exit.
 */
function standardOutput(): DestinationStream {
  return pino.destination({ sync: false, minLength: 4_096, periodicFlush: 100, maxLength: 16 * 1_024 ** 2 });
}

/**
 * A logger that writes one JSON object a line, to standard output unless told otherwise.
 * Errors are written as name, message, code, stack and cause only: the objects that HTTP clients throw
 * carry requests, and requests carry credentials.
 */
export function createLogger(
  { name, level }: { name: string; level: string },
  destination: DestinationStream = standardOutput(),
): Logger {
  const options = {
    name,
    level,
    base: { name },
    redact: secretNames.flatMap((secret) => [secret, `*.${secret}`, `*.*.${secret}`]),
    serializers: { err: describeError },
  };
  return pino(options, destination);
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

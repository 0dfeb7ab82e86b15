import { type DestinationStream, type Logger, pino } from 'pino';
import { Counter, type Registry } from 'prom-client';
import { openStandardOutput } from './logDestination';

export type { Logger } from 'pino';

/** Field names of secrets and tokens. No code logs them: this is a second line of defence. */
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
 * Creates a logger that writes one JSON object on each line. Of an error it writes name, message, code, stack and
 * cause only: the errors of HTTP clients hold requests with credentials.
 *
 * @param registry gets the metric `log_lines_dropped_total`.
 * @param destination default: standard output.
 */
export function createLogger(
  { name, level, registry }: { name: string; level: string; registry?: Registry },
  destination: DestinationStream = openStandardOutput(),
): Logger {
  if (registry) countDroppedLines(registry);
  return pino(
    {
      name,
      level,
      base: { name },
      redact: secretNames.flatMap((secret) => [secret, `*.${secret}`, `*.*.${secret}`]),
      serializers: { err: describeError },
    },
    destination,
  );
}

function countDroppedLines(registry: Registry): void {
  new Counter({
    name: 'log_lines_dropped_total',
    help: 'Log lines that could not be written: nobody reads standard output, or its disk is full',
    registers: [registry],
    collect() {
      this.reset();
      this.inc(openStandardOutput().droppedLines);
    },
  });
}

/** Returns the fields of an error that are safe to log. */
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

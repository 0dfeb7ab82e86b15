import { type DestinationStream, type Logger, pino } from 'pino';
import { Counter, type Registry } from 'prom-client';
import { type LogDestination, openStandardOutput } from './logDestination';

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
 *
 * @param registry gets the metric `log_lines_dropped_total`: the lines that standard output did not take.
 */
export function createLogger(
  { name, level, registry }: { name: string; level: string; registry?: Registry },
  destination?: DestinationStream,
): Logger {
  const options = {
    name,
    level,
    base: { name },
    redact: secretNames.flatMap((secret) => [secret, `*.${secret}`, `*.*.${secret}`]),
    serializers: { err: describeError },
  };
  if (destination) return pino(options, destination);
  const output = openStandardOutput();
  if (registry) countDroppedLines(registry, output);
  return pino(options, output);
}

function countDroppedLines(registry: Registry, output: LogDestination): void {
  new Counter({
    name: 'log_lines_dropped_total',
    help: 'Log lines that could not be written: nobody reads standard output, or its disk is full',
    registers: [registry],
    collect() {
      this.reset();
      this.inc(output.droppedLines);
    },
  });
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

import { z } from 'zod';
import { httpAddress } from './addresses';
import { wholeNumber } from './wholeNumber';

const samplers = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;

/** The headers that belong to the connection or the body: undici sets them, and refuses any other value. */
const reserved: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
]);

/** A setting: `name=value` pairs, separated by commas. The values are percent-encoded, as in W3C Baggage. */
function headers() {
  return z
    .string()
    .transform((text) => text.split(',').map(readHeader))
    .refine((pairs) => pairs.every((pair) => pair !== undefined), {
      // Not the value: it is a secret.
      error: 'must be name=value pairs, separated by commas, with percent-encoded values',
    })
    .transform((pairs) => Object.fromEntries(pairs.filter((pair) => pair !== undefined)))
    .refine((named) => Object.keys(named).every((name) => !reserved.has(name)), {
      error: `must not contain ${[...reserved].join(', ')}`,
    });
}

function readHeader(pair: string): [name: string, value: string] | undefined {
  const [, name, encoded] = /^\s*([\w!#$%&'*+.^`|~-]+)\s*=\s*(.*?)\s*$/s.exec(pair) ?? [];
  try {
    const value = decodeURIComponent(encoded ?? '');
    return name !== undefined && /^[\x20-\x7E]*$/.test(value) ? [name.toLowerCase(), value] : undefined;
  } catch {
    return undefined;
  }
}

/** The settings of tracing, with OpenTelemetry's names and meanings. `.env.example` explains each. */
export const tracingSettings = {
  OTEL_EXPORTER_OTLP_ENDPOINT: httpAddress().optional(),
  OTEL_EXPORTER_OTLP_HEADERS: headers().optional(),
  OTEL_SERVICE_NAME: z.string().optional(),
  OTEL_TRACES_SAMPLER: z
    .enum(samplers, { error: `must be one of ${samplers.join(', ')}` })
    .default('parentbased_always_on'),
  /** For the ratio samplers: the share of traces. */
  OTEL_TRACES_SAMPLER_ARG: z
    .string()
    .regex(/^(0|1|[01]?\.\d{1,9})$/, { error: 'must be a number from 0 to 1' })
    .transform(Number)
    .refine((ratio) => ratio <= 1, { error: 'must be a number from 0 to 1' })
    .default(1),
  /** How often spans are sent. Milliseconds. */
  OTEL_BSP_SCHEDULE_DELAY: wholeNumber(1, 3_600_000).default(5_000),
  OTEL_SDK_DISABLED: z
    .string()
    .regex(/^(true|false)$/i, { error: 'must be true or false' })
    .transform((value) => value.toLowerCase() === 'true')
    .default(false),
};

export type TracingSettings = z.infer<z.ZodObject<typeof tracingSettings>>;

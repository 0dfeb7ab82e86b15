import {
  type Environment,
  httpAddress,
  readConfig,
  required,
  serverSettings,
  stytchSettings,
  crossFieldChecks,
  wholeNumber,
} from 'service-kit';
import { z } from 'zod';

const settings = {
  ...serverSettings(6000),
  ...stytchSettings,
  CLIENT_ID: required('the id of the M2M client payment-service'),
  WALLET_SERVER_URL: httpAddress().default('http://localhost:4000'),
  /** Requests a minute to the admin routes: of one operator, and of one address that is refused. */
  ADMIN_RATE_LIMIT: wholeNumber(1, 1_000_000).default(120),
  /** How old an operator's access token may be. Seconds. */
  ADMIN_MAX_TOKEN_AGE_SECONDS: wholeNumber(1, 86_400).default(300),
};

/** How often the secret is rotated: a number of days, hours or minutes. Milliseconds once read. */
const interval = z
  .string()
  .regex(/^[1-9]\d{0,3}[dhm]$/, {
    error: 'must be a number of days, hours or minutes, such as 30d, 12h or 90m',
  })
  .transform((value) => Number.parseInt(value, 10) * unitMilliseconds[value.slice(-1) as 'd' | 'h' | 'm']);
const unitMilliseconds = { d: 86_400_000, h: 3_600_000, m: 60_000 };

const secretInMemory = z
  .object({
    ...settings,
    CLIENT_SECRET: required('the secret of the M2M client payment-service, unless CLIENT_SECRET_FILE is set'),
    CLIENT_SECRET_FILE: z.undefined().optional(),
    SECRET_ROTATION_INTERVAL: z
      .undefined({
        error: 'needs CLIENT_SECRET_FILE: a secret in memory would be lost with the next restart',
      })
      .optional(),
    CLIENT_SECRET_READ_ONLY: z.undefined({ error: 'needs CLIENT_SECRET_FILE' }).optional(),
  })
  .check(crossFieldChecks);

/**
 * Whether another program rotates the secret in the file. It is a setting, and not found out, because a file that is
 * read-only by mistake must be reported: its secret would never be rotated.
 */
const readOnly = z
  .enum(['true', 'false'], { error: 'must be true or false' })
  .default('false')
  .transform((value) => value === 'true');

const secretInFile = z
  .object({
    ...settings,
    CLIENT_SECRET: z.undefined({ error: 'must not be set beside CLIENT_SECRET_FILE' }).optional(),
    CLIENT_SECRET_FILE: z.string(),
    CLIENT_SECRET_READ_ONLY: readOnly,
    SECRET_ROTATION_INTERVAL: interval.optional(),
  })
  .refine((config) => !config.CLIENT_SECRET_READ_ONLY || config.SECRET_ROTATION_INTERVAL === undefined, {
    path: ['SECRET_ROTATION_INTERVAL'],
    error: 'must not be set with CLIENT_SECRET_READ_ONLY=true: another program rotates the secret',
    when: () => true,
  })
  .check(crossFieldChecks);

export type Config = z.infer<typeof secretInMemory> | z.infer<typeof secretInFile>;

const help = `payment-server needs a Stytch project and an M2M client in it. There are two ways to get both:
  without an account: run "npm start" (everything) or "npm run local-stytch" (the emulator alone, which
    prints the lines for .env) at the root of the project
  with one: put the project's id and secret from https://stytch.com/dashboard (API keys) into .env, then
    run "npm run setup" at the root, which creates the M2M clients and adds them to .env
Settings are read from payment-server/.env, then .env at the root; .env.example explains each.`;

/**
 * The settings of the payment-server.
 *
 * @throws ConfigError that names every setting at fault, and both ways to get credentials.
 */
export function readPaymentConfig(environment: Environment): Config {
  return environment.CLIENT_SECRET_FILE === undefined
    ? readConfig(secretInMemory, environment, help, ['STYTCH_SECRET'])
    : readConfig(secretInFile, environment, help, ['STYTCH_SECRET']);
}

import {
  type Environment,
  httpAddress,
  readConfig,
  required,
  secureAddress,
  serverSettings,
  wholeNumber,
} from 'service-kit';
import { z } from 'zod';

const schema = z.object({
  ...serverSettings(6000),
  STYTCH_PROJECT_ID: required('the id of your Stytch project'),
  STYTCH_SECRET: required('the secret of your Stytch project'),
  STYTCH_BASE_URL: secureAddress().optional(),
  CLIENT_ID: required('the id of the M2M client payment-service'),
  CLIENT_SECRET: required('the secret of the M2M client payment-service'),
  WALLET_SERVER_URL: httpAddress().default('http://localhost:4000'),
  /** Requests a minute that one address may make to the admin routes. */
  ADMIN_RATE_LIMIT: wholeNumber(1, 1_000_000).default(120),
});

export type Config = z.infer<typeof schema>;

const help = `payment-server needs a Stytch project and an M2M client in it. There are two ways to get both:
  without an account: run "npm start" (everything) or "npm run local-stytch" (the stand-in alone, which
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
  return readConfig(schema, environment, help);
}

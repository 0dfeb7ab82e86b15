import {
  clientNames,
  type Environment,
  readConfig,
  serverSettings,
  stytchSettings,
  crossFieldChecks,
} from 'service-kit';
import { z } from 'zod';

const schema = z
  .object({
    ...serverSettings(4000),
    ...stytchSettings,
    /** Whose certificates may call, of all those that the CA has issued. */
    ALLOWED_CLIENT_NAMES: clientNames().optional(),
  })
  .check(crossFieldChecks)
  .refine((settings) => settings.ALLOWED_CLIENT_NAMES === undefined || settings.TLS_CA_FILE !== undefined, {
    path: ['ALLOWED_CLIENT_NAMES'],
    error: 'needs TLS_CA_FILE: without it no client sends a certificate',
    when: () => true,
  });

export type Config = z.infer<typeof schema>;

const help = `The wallet-server needs a Stytch project. There are two ways to get one:
  without an account: run "npm start" (everything) or "npm run local-stytch" (the emulator alone, which
    prints the lines for .env) at the root of the project
  with an account: put the project's id and secret from https://stytch.com/dashboard (API keys) into .env
Settings are read from wallet-server/.env, then .env at the root; .env.example explains each.`;

/**
 * Reads the settings of the wallet-server.
 *
 * @throws ConfigError that names every invalid setting, and both ways to get credentials.
 */
export function readWalletConfig(environment: Environment): Config {
  return readConfig(schema, environment, help, ['STYTCH_SECRET']);
}

import { parseArgs } from 'node:util';
import {
  ConfigError,
  type Environment,
  isLoopback,
  readConfig,
  serverSettings,
  crossFieldChecks,
} from 'service-kit';
import { z } from 'zod';

const { PORT, LOG_LEVEL, TLS_CERT_FILE, TLS_KEY_FILE } = serverSettings(5005);

/** RFC 6749 appendix A: client ids and secrets are printable ASCII. */
const printable = z
  .string()
  .regex(/^[\x20-\x7E]+$/, { error: 'must be printable ASCII' })
  .optional();

/** RFC 6750 §2.1: the characters of a Bearer token. */
const adminToken = z
  .string()
  .regex(/^[\w.~+/-]{16,}=*$/, {
    error: 'must be 16 or more of the characters A-Z a-z 0-9 - . _ ~ + /, and = at its end',
  })
  .optional();

/** What the command and the program of this repository read. */
const commonSettings = {
  NODE_ENV: z
    .string()
    .refine((value) => value !== 'production', {
      error: 'is production, and local-stytch protects nothing: use Stytch itself there',
    })
    .optional(),
  STYTCH_PROJECT_ID: z
    .string()
    .regex(/^project-test-[\w-]+$/, {
      error: 'must begin with project-test-: local-stytch emulates test projects only',
    })
    .optional(),
  STYTCH_SECRET: printable,
  CLIENT_ID: printable,
  CLIENT_SECRET: printable,
  LOCAL_STYTCH_ADMIN_TOKEN: adminToken,
};

/**
 * Reads the credentials that the command takes from the environment: the lines that it printed before.
 *
 * @throws ConfigError that lists every wrong variable, also NODE_ENV=production.
 */
export function readCredentials(environment: Environment) {
  return readConfig(z.object(commonSettings), environment, 'Correct them in the environment or in .env.');
}

const schema = z
  .object({
    PORT,
    LOG_LEVEL,
    TLS_CERT_FILE,
    TLS_KEY_FILE,
    ...commonSettings,
    OPERATOR_CLIENT_ID: printable,
    OPERATOR_CLIENT_SECRET: printable,
  })
  .check(crossFieldChecks)
  .refine(({ CLIENT_ID, OPERATOR_CLIENT_ID }) => !CLIENT_ID || CLIENT_ID !== OPERATOR_CLIENT_ID, {
    path: ['OPERATOR_CLIENT_ID'],
    error: 'must not be the same as CLIENT_ID',
  });

/** @throws ConfigError that lists every wrong variable, also NODE_ENV=production. */
export function readSettings(environment: Environment) {
  const settings = readConfig(schema, environment);
  return {
    port: settings.PORT,
    logLevel: settings.LOG_LEVEL,
    tls: { TLS_CERT_FILE: settings.TLS_CERT_FILE, TLS_KEY_FILE: settings.TLS_KEY_FILE },
    adminToken: settings.LOCAL_STYTCH_ADMIN_TOKEN,
    /** What is not set is random. */
    seed: {
      projectId: settings.STYTCH_PROJECT_ID,
      projectSecret: settings.STYTCH_SECRET,
      clients: [
        {
          name: 'payment-service',
          scopes: ['read:users'],
          id: settings.CLIENT_ID,
          secret: settings.CLIENT_SECRET,
        },
        {
          name: 'operator',
          scopes: ['manage:m2m_clients'],
          id: settings.OPERATOR_CLIENT_ID,
          secret: settings.OPERATOR_CLIENT_SECRET,
        },
      ],
    },
  };
}

/**
 * Reads the address to listen on from the command line. There is no variable for it: HOST often applies to all servers
 * of a stack, and must not expose this one.
 *
 * @returns 127.0.0.1 without `--host`.
 * @throws ConfigError at any other argument.
 */
export function readHost(commandLine: readonly string[]): string {
  const usage = 'local-stytch takes one argument, --host with an address, such as --host 0.0.0.0';
  try {
    const { values } = parseArgs({ args: [...commandLine], options: { host: { type: 'string' } } });
    // With an empty address Node listens on all of them.
    if (values.host?.trim() !== '') return values.host ?? '127.0.0.1';
  } catch (error) {
    throw new ConfigError(`${(error as Error).message}\n${usage}`);
  }
  throw new ConfigError(usage);
}

/** Whether only this machine can call a server that listens there. */
export function isLocalHost(host: string): boolean {
  return isLoopback(host.includes(':') ? `[${host}]` : host);
}

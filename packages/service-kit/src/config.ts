import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'dotenv';
import { z } from 'zod';
import { httpAddress, isInsecure, mustBeSecure, privateHostNames } from './addresses';
import { origins } from './origins';
import { tracingSettings } from './tracingSettings';
import { wholeNumber } from './wholeNumber';

/** Environment variables by name. Empty ones are left out. */
export type Environment = Readonly<Record<string, string>>;

/** The environment does not let this program start. The message names every invalid variable. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/**
 * Reads `.env` files and merges them with the environment. An empty value counts as not set.
 *
 * @param directories where the files are, nearest first. A nearer file overrides a further one, and the environment
 *   overrides all files. With `DOTENV=off` no file is read.
 * @throws ConfigError when a `.env` file exists but is unreadable.
 */
export function loadEnvironment(
  directories: readonly string[],
  environment: NodeJS.ProcessEnv = process.env,
): Environment {
  const files = environment['DOTENV'] === 'off' ? [] : directories.map(readDotenv);
  const merged: Record<string, string> = {};
  for (const layer of [environment, ...files].reverse()) {
    for (const [name, value] of Object.entries(layer)) {
      if (value?.trim()) merged[name] = value.trim();
    }
  }
  return merged;
}

function readDotenv(directory: string): NodeJS.ProcessEnv {
  const file = join(directory, '.env');
  try {
    return parse(readFileSync(file));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new ConfigError(`${file} ${whyUnreadable(error)}`);
  }
}

/**
 * Turns the environment into a typed object.
 *
 * @param help what the user can do, for the end of the error message.
 * @param secretNames settings that can be in a file instead: `<name>_FILE` is its path. One newline at its end is not
 *   part of the secret.
 * @throws ConfigError that lists every invalid variable and what it must be.
 */
export function readConfig<Schema extends z.ZodObject>(
  schema: Schema,
  environment: Environment,
  help = 'Set them in the environment or in a .env file; .env.example explains each.',
  secretNames: readonly string[] = [],
): z.infer<Schema> {
  const { secrets, problems } = readSecretFiles(secretNames, environment);
  const result = schema.safeParse({ ...environment, ...secrets });
  if (result.success && problems.length === 0) return result.data;
  const issues = result.error?.issues ?? [];
  problems.push(...issues.map((issue) => `  ${issue.path.join('.')}: ${issue.message}`));
  throw new ConfigError(['These settings are missing or invalid:', ...problems, help].join('\n'));
}

function readSecretFiles(names: readonly string[], environment: Environment) {
  const secrets: Record<string, string> = {};
  const problems: string[] = [];
  for (const name of names) {
    const file = environment[`${name}_FILE`];
    if (file === undefined) continue;
    if (environment[name] !== undefined) {
      problems.push(`  ${name}: must not be set beside ${name}_FILE`);
      continue;
    }
    // If the file is unreadable, the secret is not reported as missing too.
    secrets[name] = '';
    try {
      secrets[name] = readFileSync(file, 'utf8').replace(/\r?\n$/, '');
      if (secrets[name].trim() === '') problems.push(`  ${name}_FILE: ${file} is empty`);
    } catch (error) {
      problems.push(`  ${name}_FILE: ${file} ${whyUnreadable(error)}`);
    }
  }
  return { secrets, problems };
}

/** Returns the problem with a file, in words that follow its path. */
export function whyUnreadable(error: unknown): string {
  const { code = 'unknown error' } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'does not exist';
  if (code === 'EACCES') return 'is not readable by this user';
  return code === 'EISDIR' ? 'is a folder' : `cannot be read: ${code}`;
}

/** A setting without a default. */
export function required(meaning: string) {
  return z.string({ error: `is missing: ${meaning}` });
}

/** The paths of certificate, key and CA, in PEM. */
export const tlsSettings = {
  TLS_CERT_FILE: z.string().optional(),
  TLS_KEY_FILE: z.string().optional(),
  TLS_CA_FILE: z.string().optional(),
};

export type TlsSettings = z.infer<z.ZodObject<typeof tlsSettings>>;

/** The settings of the Stytch project. Use them with `crossFieldChecks`. */
export const stytchSettings = {
  STYTCH_PROJECT_ID: required('the id of your Stytch project'),
  STYTCH_SECRET: required('the secret of your Stytch project'),
  STYTCH_BASE_URL: httpAddress().optional(),
};

/** The settings of every HTTP server. Use them with `crossFieldChecks`. `.env.example` explains each. */
export function serverSettings(defaultPort: number) {
  return {
    ...tlsSettings,
    ...tracingSettings,
    /** 0 lets the operating system choose, here and in `PORT`. */
    HEALTH_PORT: wholeNumber(0, 65535).optional(),
    PORT: wholeNumber(0, 65535).default(defaultPort),
    HOST: z.string().default('127.0.0.1'),
    NODE_ENV: z.string().optional(),
    INSECURE_HTTP_HOSTS: privateHostNames().optional(),
    SHUTDOWN_DELAY_SECONDS: wholeNumber(0, 300).default(0),
    ALLOWED_ORIGINS: origins().optional(),
    LOG_LEVEL: z
      .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
        error: 'must be one of fatal, error, warn, info, debug, trace, silent',
      })
      .default('info'),
  };
}

/** The values of `serverSettings`. */
export type ServerSettings = z.infer<z.ZodObject<ReturnType<typeof serverSettings>>>;

/**
 * The checks across settings, for `check` on a schema. Every address must be https, unless it is on this machine or
 * its host is in INSECURE_HTTP_HOSTS: the programs send secrets there.
 */
export const crossFieldChecks = z.superRefine<Partial<ServerSettings> & { [other: string]: unknown }>(
  (settings, context) => {
    const { TLS_CERT_FILE, TLS_KEY_FILE, TLS_CA_FILE, PORT, HEALTH_PORT } = settings;
    const report = (name: string, message: string) => {
      context.addIssue({ code: 'custom', path: [name], message });
    };
    if ((TLS_CERT_FILE ?? TLS_KEY_FILE ?? TLS_CA_FILE) !== undefined) {
      if (TLS_CERT_FILE === undefined)
        report('TLS_CERT_FILE', 'is missing: TLS_KEY_FILE and TLS_CA_FILE need it');
      if (TLS_KEY_FILE === undefined)
        report('TLS_KEY_FILE', 'is missing: TLS_CERT_FILE and TLS_CA_FILE need it');
    }
    if (HEALTH_PORT !== undefined && HEALTH_PORT !== 0 && HEALTH_PORT === PORT) {
      report('HEALTH_PORT', 'must differ from PORT');
    }
    const { NODE_ENV, INSECURE_HTTP_HOSTS, ...others } = settings;
    if (INSECURE_HTTP_HOSTS !== undefined && NODE_ENV !== 'development') {
      report('INSECURE_HTTP_HOSTS', 'needs NODE_ENV=development: secrets are sent there unencrypted');
    }
    // An invalid list is still a string, and allows no host.
    const insecureHosts = Array.isArray(INSECURE_HTTP_HOSTS) ? INSECURE_HTTP_HOSTS : [];
    for (const [name, value] of Object.entries(others)) {
      if (typeof value === 'string' && isInsecure(value, insecureHosts)) report(name, mustBeSecure);
    }
  },
  // Zod skips a check when a setting is invalid. This one runs, so that one message lists all problems.
  { when: () => true },
);

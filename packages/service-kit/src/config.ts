import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'dotenv';
import { z } from 'zod';
import { isInsecure, mustBeSecure, privateHostNames } from './addresses';
import { origins } from './origins';

/** Environment variables by name. A variable that is set but empty is not in it. */
export type Environment = Readonly<Record<string, string>>;

/** The environment does not let this program start. The message names every variable at fault. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/**
 * Reads the `.env` files of some directories and lays them under the environment of the process.
 *
 * @param directories nearest first: a variable in a nearer file wins over the same one further away,
 *   and the environment itself wins over all files. An empty value counts as not set, so it hides nothing.
 *   With `DOTENV=off` in the environment the files are left alone, for programs that are to run the same anywhere.
 * @throws ConfigError when a `.env` file is there but cannot be read.
 */
export function loadEnvironment(
  directories: readonly string[],
  environment: NodeJS.ProcessEnv = process.env,
): Environment {
  const files = environment['DOTENV'] === 'off' ? [] : directories.map(readDotenv);
  const layers = [environment, ...files].reverse();
  const merged: Record<string, string> = {};
  for (const layer of layers) {
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
    throw new ConfigError(`${file} is there but cannot be read: ${(error as Error).message}`);
  }
}

/**
 * Turns the environment into a typed object, once, at the edge of the program.
 *
 * @param help what to do about it, in a sentence or more; ends the message of the error.
 * @param secretNames settings that may be in a file instead: `<name>_FILE` says in which. One newline at its
 *   end is not part of the secret.
 * @throws ConfigError that lists every variable at fault, each with what it should be.
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
  throw new ConfigError(['These settings are missing or wrong:', ...problems, help].join('\n'));
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
    // A secret that cannot be read is one problem, not two: it does not count as missing as well.
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

/** What is wrong with a file, in words that follow its name. */
export function whyUnreadable(error: unknown): string {
  const { code = 'for an unknown reason' } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'is not there';
  if (code === 'EACCES') return 'may not be read by this user';
  return code === 'EISDIR' ? 'is a folder' : `cannot be read: ${code}`;
}

/** A setting that has to be there. */
export function required(meaning: string) {
  return z.string({ error: `is missing: ${meaning}` });
}

/** A whole number within bounds, given as text. */
export function wholeNumber(minimum: number, maximum: number) {
  const error = `must be a whole number from ${minimum} to ${maximum}`;
  return z
    .string()
    .regex(/^\d+$/, { error, abort: true })
    .transform(Number)
    .refine((value) => value >= minimum && value <= maximum, { error });
}

/** Where certificate, key and CA are. Each is the path of a file in PEM. */
export const tlsSettings = {
  TLS_CERT_FILE: z.string().optional(),
  TLS_KEY_FILE: z.string().optional(),
  TLS_CA_FILE: z.string().optional(),
};

/** What every HTTP server here reads: where and how to listen, and how much to log. `crossFieldChecks` goes with it. */
export function serverSettings(defaultPort: number) {
  return {
    ...tlsSettings,
    /** Where health and metrics are served over plain HTTP. 0 lets the operating system choose. */
    HEALTH_PORT: wholeNumber(0, 65535).optional(),
    /** 0 lets the operating system choose a free one. */
    PORT: wholeNumber(0, 65535).default(defaultPort),
    HOST: z.string().default('127.0.0.1'),
    NODE_ENV: z.string().optional(),
    /** The hosts that may be sent secrets over plain http, beside this machine. For development only. */
    INSECURE_HTTP_HOSTS: privateHostNames().optional(),
    /** How long everything is still served after SIGTERM, while `/readyz` says 503. */
    SHUTDOWN_DELAY_SECONDS: wholeNumber(0, 300).default(0),
    ALLOWED_ORIGINS: origins().optional(),
    LOG_LEVEL: z
      .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
        error: 'must be one of fatal, error, warn, info, debug, trace, silent',
      })
      .default('info'),
  };
}

interface Agreeing {
  TLS_CERT_FILE?: string | undefined;
  TLS_KEY_FILE?: string | undefined;
  TLS_CA_FILE?: string | undefined;
  PORT?: number | undefined;
  HEALTH_PORT?: number | undefined;
  NODE_ENV?: string | undefined;
  INSECURE_HTTP_HOSTS?: string[] | undefined;
}

/**
 * What settings have to be to each other: for `check` on a schema. Every address among them has to be https, unless
 * it is on this machine or its host is in INSECURE_HTTP_HOSTS: the programs send secrets to each.
 */
export const crossFieldChecks = z.superRefine<Agreeing>(
  (settings, context) => {
    const { TLS_CERT_FILE, TLS_KEY_FILE, TLS_CA_FILE, PORT, HEALTH_PORT } = settings;
    const tell = (name: string, message: string) => {
      context.addIssue({ code: 'custom', path: [name], message });
    };
    if ((TLS_CERT_FILE ?? TLS_KEY_FILE ?? TLS_CA_FILE) !== undefined) {
      if (TLS_CERT_FILE === undefined)
        tell('TLS_CERT_FILE', 'is missing: TLS_KEY_FILE and TLS_CA_FILE need it');
      if (TLS_KEY_FILE === undefined)
        tell('TLS_KEY_FILE', 'is missing: TLS_CERT_FILE and TLS_CA_FILE need it');
    }
    if (HEALTH_PORT !== undefined && HEALTH_PORT !== 0 && HEALTH_PORT === PORT) {
      tell('HEALTH_PORT', 'must be another than PORT');
    }
    const { NODE_ENV, INSECURE_HTTP_HOSTS, ...others } = settings;
    if (INSECURE_HTTP_HOSTS !== undefined && NODE_ENV !== 'development') {
      tell('INSECURE_HTTP_HOSTS', 'needs NODE_ENV=development: secrets are sent there unencrypted');
    }
    // A list that did not parse is still text, in which no host counts.
    const insecureHosts = Array.isArray(INSECURE_HTTP_HOSTS) ? INSECURE_HTTP_HOSTS : [];
    for (const [name, value] of Object.entries(others)) {
      if (typeof value === 'string' && isInsecure(value, insecureHosts)) tell(name, mustBeSecure);
    }
  },
  // Also when a setting is missing, so that one message tells of all.
  { when: () => true },
);

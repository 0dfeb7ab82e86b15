import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'dotenv';
import { z } from 'zod';

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
 * @throws ConfigError that lists every variable at fault, each with what it should be.
 */
export function readConfig<Schema extends z.ZodObject>(
  schema: Schema,
  environment: Environment,
  help = 'Set them in the environment or in a .env file; .env.example explains each.',
): z.infer<Schema> {
  const result = schema.safeParse(environment);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => `  ${issue.path.join('.')}: ${issue.message}`);
  throw new ConfigError(['These settings are missing or wrong:', ...problems, help].join('\n'));
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

/** An http or https address without credentials, query or fragment, kept without a slash at its end. */
export function httpAddress() {
  const error = 'must be an http:// or https:// address without user, query or fragment';
  return z
    .string()
    .refine(isHttpAddress, { error })
    .transform((value) => value.replace(/\/+$/, ''));
}

function isHttpAddress(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const url = new URL(value);
  return /^https?:$/.test(url.protocol) && !url.username && !url.password && !/[?#]/.test(value);
}

/** As `httpAddress`, and https:// unless it is on this very machine: for addresses that are sent secrets. */
export function secureAddress() {
  return httpAddress().refine((address) => address.startsWith('https:') || isLoopback(address), {
    error: 'must be https:// unless it is on this machine: secrets are sent there',
  });
}

function isLoopback(address: string): boolean {
  const { hostname } = new URL(address);
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}

/** What every HTTP server here reads: where to listen, and how much to log. */
export function serverSettings(defaultPort: number) {
  return {
    /** 0 lets the operating system choose a free one. */
    PORT: wholeNumber(0, 65535).default(defaultPort),
    HOST: z.string().default('127.0.0.1'),
    LOG_LEVEL: z
      .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
        error: 'must be one of fatal, error, warn, info, debug, trace, silent',
      })
      .default('info'),
  };
}

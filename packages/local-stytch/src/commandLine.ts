import { parseArgs } from 'node:util';
import { ConfigError } from 'service-kit';
import { readService, type Service } from './console/services';

export const help = `Stytch's M2M API on this machine, for development and tests.

Usage:
  local-stytch [options]                    run until Ctrl-C
  local-stytch exec [options] -- COMMAND    run while COMMAND runs, with STYTCH_* and CLIENT_* set for it

Options:
  --port NUMBER            default 5005, with exec a free port; 0: a free port
  --host ADDRESS           listen on this address instead of 127.0.0.1; other machines can then call it,
                           and the admin API requires a token
  --seed FILE              project and clients to start with, YAML or JSON
  --import FILE            start with the state of an earlier run
  --export-on-exit FILE    save the state at the end: secrets as hashes, signing keys in full, mode 0600
  --service NAME=URL       a service on this machine that the console can call, such as
                           orders=http://localhost:3000; repeat it for more
  --json                   print one line of JSON
  --help, --version

Examples:
  npx local-stytch
  npx local-stytch --seed seed.yaml --export-on-exit state.json
  npx local-stytch --import state.json --export-on-exit state.json
  npx local-stytch exec -- npm test
  npx local-stytch exec --seed seed.yaml -- node --test

Without --seed and --import, STYTCH_PROJECT_ID, STYTCH_SECRET, CLIENT_ID and CLIENT_SECRET are taken from the
environment or from .env, so that a restart changes nothing; what is not there is random. exec ignores them.
`;

export interface CommandOptions {
  port: number;
  host: string;
  seed: string | undefined;
  import: string | undefined;
  exportOnExit: string | undefined;
  services: Service[];
  json: boolean;
}

export type CommandLine =
  | { kind: 'help' | 'version' }
  | { kind: 'serve'; options: CommandOptions }
  | { kind: 'exec'; options: CommandOptions; command: readonly [string, ...string[]] };

const schema = {
  port: { type: 'string' },
  host: { type: 'string' },
  seed: { type: 'string' },
  import: { type: 'string' },
  'export-on-exit': { type: 'string' },
  service: { type: 'string', multiple: true },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
} as const;

/** @throws ConfigError that says what is wrong, and how to get help. */
export function readCommandLine(commandLine: readonly string[]): CommandLine {
  const separator = commandLine.indexOf('--');
  const own = separator < 0 ? commandLine : commandLine.slice(0, separator);
  const [program, ...command] = separator < 0 ? [] : commandLine.slice(separator + 1);
  const { values, positionals } = parse(own);
  if (values.help) return { kind: 'help' };
  if (values.version) return { kind: 'version' };
  const [subcommand, ...rest] = positionals;
  const isExec = subcommand === 'exec';
  if (isExec ? rest.length > 0 || program === undefined : positionals.length > 0 || program !== undefined) {
    throw misuse(
      isExec
        ? 'exec needs a command after --, as in: exec -- npm test'
        : `unknown argument ${subcommand ?? '--'}`,
    );
  }
  if (values.seed !== undefined && values.import !== undefined) {
    throw misuse('--seed and --import exclude each other');
  }
  // With an empty address Node listens on all of them.
  if (values.host?.trim() === '') throw misuse('--host needs an address');
  const options: CommandOptions = {
    port: readPort(values.port, isExec ? 0 : 5005),
    host: values.host ?? '127.0.0.1',
    seed: values.seed,
    import: values.import,
    exportOnExit: values['export-on-exit'],
    services: (values.service ?? []).map(readServiceOption),
    json: values.json ?? false,
  };
  return program === undefined
    ? { kind: 'serve', options }
    : { kind: 'exec', options, command: [program, ...command] };
}

function parse(commandLine: readonly string[]) {
  try {
    return parseArgs({ args: [...commandLine], options: schema, allowPositionals: true });
  } catch (error) {
    throw misuse((error as Error).message);
  }
}

function readServiceOption(given: string): Service {
  try {
    return readService(given);
  } catch (error) {
    throw misuse(`--service ${given}: ${(error as Error).message}`);
  }
}

function readPort(given: string | undefined, defaultPort: number): number {
  if (given === undefined) return defaultPort;
  if (!/^\d{1,5}$/.test(given) || Number(given) > 65_535) throw misuse('--port must be from 0 to 65535');
  return Number(given);
}

function misuse(problem: string): ConfigError {
  return new ConfigError(`local-stytch: ${problem}\nlocal-stytch --help shows all options.`);
}

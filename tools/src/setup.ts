import 'service-kit/earlySignals';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  ConfigError,
  crossFieldChecks,
  type Environment,
  loadEnvironment,
  readConfig,
  runCommand,
  stytchSettings,
} from 'service-kit';
import { Client } from 'stytch';
import { callStytch, stytchConfig } from 'stytch-m2m';
import { z } from 'zod';
import { root } from './program';

const schema = z.object(stytchSettings).check(crossFieldChecks);

const help = `Find both in https://stytch.com/dashboard (API keys) and put them into .env at the root.
Without an account there is nothing to set up: run npm start.`;

/** The M2M clients that the demo takes, with the variables that name them. */
const wanted = [
  {
    idVariable: 'CLIENT_ID',
    secretVariable: 'CLIENT_SECRET',
    client: {
      client_name: 'payment-service',
      client_description: 'The payment-server: reads wallets',
      scopes: ['read:users'],
    },
  },
  {
    idVariable: 'OPERATOR_CLIENT_ID',
    secretVariable: 'OPERATOR_CLIENT_SECRET',
    client: {
      client_name: 'operator',
      client_description: 'Administers M2M clients through the payment-server',
      scopes: ['manage:m2m_clients'],
    },
  },
];

/**
 * Creates the two M2M clients in a Stytch project and writes their credentials into a `.env` file. Each is
 * written as soon as Stytch has shown it, for it shows a secret once. A client that the file already names
 * is left alone, so that a second run finishes what a first one did not.
 *
 * @param directory where the `.env` file is, or is to be.
 * @param signal its abort stops the setup between two clients, so that no secret is lost that Stytch has shown.
 * @throws ConfigError when the project's credentials are missing.
 * @throws StytchApiError when Stytch does not accept them, or refuses a client.
 * @throws StytchUnavailableError
 */
export async function setup(
  directory: string,
  environment: Environment,
  print: (line: string) => void,
  signal?: AbortSignal,
) {
  const config = readConfig(schema, environment, help, ['STYTCH_SECRET']);
  const { m2m } = new Client(
    stytchConfig({
      projectId: config.STYTCH_PROJECT_ID,
      secret: config.STYTCH_SECRET,
      baseUrl: config.STYTCH_BASE_URL,
    }),
  );
  const file = join(directory, '.env');
  for (const { idVariable, secretVariable, client } of wanted) {
    signal?.throwIfAborted();
    const { id, secret } = present(environment, idVariable, secretVariable);
    if (id !== secret) {
      throw new ConfigError(
        `Of ${idVariable} and ${secretVariable} one is set: add the other, or remove both.`,
      );
    }
    if (id) {
      print(`${client.client_name}: ${idVariable} and ${secretVariable} are set already, nothing to do.`);
      continue;
    }
    const { m2m_client } = await callStytch(() => m2m.clients.create(client), 10_000);
    writeVariables(file, { [idVariable]: m2m_client.client_id, [secretVariable]: m2m_client.client_secret });
    print(
      `${client.client_name}: created as ${m2m_client.client_id}; ${idVariable} and ${secretVariable} are in .env.`,
    );
  }
  print('Next: npm start');
}

/** Whether the environment names a client, and whether it says where its secret is. */
function present(environment: Environment, idVariable: string, secretVariable: string) {
  return {
    id: environment[idVariable] !== undefined,
    secret: environment[secretVariable] !== undefined || environment[`${secretVariable}_FILE`] !== undefined,
  };
}

/** Sets variables in a `.env` file, all else left as it is: first a new file beside it, then a rename. */
export function writeVariables(file: string, variables: Readonly<Record<string, string>>): void {
  let lines = readLines(file);
  for (const name of Object.keys(variables)) {
    lines = lines.filter((line) => !new RegExp(`^\\s*(export\\s+)?${name}\\s*=`).test(line));
  }
  lines.push(...Object.entries(variables).map(([name, value]) => `${name}=${value}`));
  const written = `${file}.new`;
  writeFileSync(written, `${lines.join('\n')}\n`, { mode: 0o600 });
  renameSync(written, file);
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new ConfigError(`${file} is there but cannot be read: ${(error as Error).message}`);
  }
}

if (require.main === module) {
  void runCommand(async (signal) => {
    await setup(root, loadEnvironment([root, join(root, 'payment-server')]), console.log, signal);
  });
}

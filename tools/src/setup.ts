import 'service-kit/earlySignals';
import { readFileSync } from 'node:fs';
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
import { replaceFile } from './replaceFile';

const schema = z.object(stytchSettings).check(crossFieldChecks);

const help = `Find both at https://stytch.com/dashboard (API keys) and put them into .env at the root.
Without an account there is nothing to set up: run npm start.`;

/** The M2M clients that the services need, with the variables for their credentials. */
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
 * Creates the two M2M clients in a Stytch project and writes their credentials to a `.env` file, each as soon as it is
 * created, because Stytch shows a secret only once. It skips a client that the file already has, so that a second run
 * completes an interrupted one.
 *
 * @param directory the folder of the `.env` file, which need not exist.
 * @param signal aborting it stops the setup between two clients, so that no secret is lost.
 * @throws ConfigError when the project's credentials are missing.
 * @throws StytchApiError when Stytch rejects them, or a client.
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
        `Only one of ${idVariable} and ${secretVariable} is set: add the other, or remove both.`,
      );
    }
    if (id) {
      print(`${client.client_name}: ${idVariable} and ${secretVariable} are already set, nothing to do.`);
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

/** Whether the environment has the id of a client, and whether it has the secret or its file. */
function present(environment: Environment, idVariable: string, secretVariable: string) {
  return {
    id: environment[idVariable] !== undefined,
    secret: environment[secretVariable] !== undefined || environment[`${secretVariable}_FILE`] !== undefined,
  };
}

/** Sets variables in a `.env` file and leaves its other lines. Replaces the file atomically. */
export function writeVariables(file: string, variables: Readonly<Record<string, string>>): void {
  let lines = readLines(file);
  for (const name of Object.keys(variables)) {
    lines = lines.filter((line) => !new RegExp(`^\\s*(export\\s+)?${name}\\s*=`).test(line));
  }
  lines.push(...Object.entries(variables).map(([name, value]) => `${name}=${value}`));
  replaceFile(file, `${lines.join('\n')}\n`, 0o600);
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new ConfigError(`${file} exists but cannot be read: ${(error as Error).message}`);
  }
}

if (require.main === module) {
  void runCommand(async (signal) => {
    await setup(root, loadEnvironment([root, join(root, 'payment-server')]), console.log, signal);
  });
}

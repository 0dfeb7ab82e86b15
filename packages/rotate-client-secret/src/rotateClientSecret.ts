import 'service-kit/earlySignals';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ConfigError, type Environment, loadEnvironment, runCommand } from 'service-kit';
import { Client } from 'stytch';
import { RotationRunningError, SecretRotation, stytchConfig } from 'stytch-m2m';
import { type ClientName, clientNames, readRotationConfig } from './config';

/** How often to look whether another job has ended its rotation. Milliseconds. */
const retryMilliseconds = 2_000;
/** The claim of a killed job expires after 2 min. Milliseconds. */
const longestRetry = 150_000;

/**
 * Rotates the secret of an M2M client once: starts the rotation at Stytch, stores both secrets, waits until every server
 * has the next one, gets a token with it, completes, and stores the new secret. It finishes or undoes what a killed job
 * has begun.
 *
 * @param signal aborts the waits. A step in progress is finished. The next run continues.
 * @returns the text to print. It contains no secret.
 * @throws ConfigError when a setting is missing or invalid.
 * @throws RotationConflictError, SecretStoreError, StytchApiError, StytchUnavailableError as `SecretRotation.rotate`.
 * @throws the signal's reason on abort.
 */
export async function rotateClientSecret(
  environment: Environment,
  client: ClientName,
  signal?: AbortSignal,
): Promise<string> {
  const { projectId, secret, baseUrl, ...config } = readRotationConfig(environment, client);
  const rotation = new SecretRotation({
    ...config,
    client: new Client(stytchConfig({ projectId, secret, baseUrl })),
    onEvent: ({ type }) => {
      if (type === 'started') console.log(waiting(config.propagationMilliseconds));
    },
  });
  await rotateWhenFree(rotation, signal);
  return `The client secret of ${client} is rotated.`;
}

async function rotateWhenFree(rotation: SecretRotation, signal: AbortSignal | undefined): Promise<void> {
  const deadline = performance.now() + longestRetry;
  for (;;) {
    signal?.throwIfAborted();
    try {
      await rotation.rotate({ ...(signal && { signal }) });
      return;
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof RotationRunningError) || performance.now() > deadline) throw error;
      console.log('Another job works on the rotation, or was killed less than two minutes ago: waiting.');
    }
    await wait(retryMilliseconds, undefined, { ...(signal && { signal }) }).catch(() => undefined);
  }
}

function waiting(milliseconds: number): string {
  return `The next secret is stored. Completing in ${milliseconds / 1_000} s, when every server has it.`;
}

/** @throws ConfigError for anything but `--client` with a name. */
export function readClient(parameters: readonly string[]): ClientName {
  const usage = `Usage: rotate-client-secret [--client ${clientNames.join('|')}]`;
  try {
    const { values } = parseArgs({
      args: [...parameters],
      options: { client: { type: 'string', default: 'payment-service' } },
    });
    const name = clientNames.find((one) => one === values.client);
    if (name) return name;
  } catch {
    // The usage says what is possible.
  }
  throw new ConfigError(usage);
}

if (require.main === module) {
  void runCommand(async (signal) => {
    const client = readClient(process.argv.slice(2));
    const environment = loadEnvironment([join(__dirname, '..', '..', '..')]);
    console.log(await rotateClientSecret(environment, client, signal));
  });
}

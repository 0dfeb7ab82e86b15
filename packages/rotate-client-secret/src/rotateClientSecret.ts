import 'service-kit/earlySignals';
import { Agent } from 'node:https';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import axios, { type AxiosRequestConfig } from 'axios';
import {
  type Environment,
  httpAddress,
  loadEnvironment,
  readConfig,
  readTlsCredentials,
  required,
  runCommand,
  crossFieldChecks,
  stytchSettings,
  tlsOptions,
  tlsSettings,
} from 'service-kit';
import { tokenEndpoint } from 'stytch-m2m';
import { z } from 'zod';

const schema = z
  .object({
    ...tlsSettings,
    STYTCH_PROJECT_ID: stytchSettings.STYTCH_PROJECT_ID,
    STYTCH_BASE_URL: stytchSettings.STYTCH_BASE_URL,
    OPERATOR_CLIENT_ID: required('the id of an M2M client with scope manage:m2m_clients'),
    OPERATOR_CLIENT_SECRET: required('the secret of that client'),
    PAYMENT_SERVER_URL: httpAddress().default('http://localhost:6000'),
  })
  .check(crossFieldChecks);

/** Milliseconds. A rotation makes up to nine calls to Stytch, each of up to five seconds. */
const timeout = 50_000;

/**
 * Rotates the client secret of a running payment-server once, through its route, as an operator. For an https
 * payment-server the TLS settings name the CAs and the client certificate.
 *
 * @param signal aborts before the rotation is requested. After that this waits for the answer.
 * @returns the text to print. It contains the new secret only if the payment-server keeps it in memory.
 * @throws ConfigError when a setting is missing, or a file is invalid.
 * @throws Error with the answer of Stytch or of the payment-server.
 * @throws the signal's reason on abort.
 */
export async function rotateSecret(environment: Environment, signal?: AbortSignal): Promise<string> {
  const config = readConfig(schema, environment, undefined, ['OPERATOR_CLIENT_SECRET']);
  const tls = await readTlsCredentials(config);
  const endpoint = tokenEndpoint({ projectId: config.STYTCH_PROJECT_ID, baseUrl: config.STYTCH_BASE_URL });
  const credentials = {
    grant_type: 'client_credentials',
    client_id: config.OPERATOR_CLIENT_ID,
    client_secret: config.OPERATOR_CLIENT_SECRET,
    scope: 'manage:m2m_clients',
  };
  const token = await post(endpoint, 'access_token', credentials, {
    ...(signal && { signal }),
  }).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw error;
  });
  signal?.throwIfAborted();
  signal?.addEventListener('abort', printThatItWaits);
  const headers = { Authorization: `Bearer ${String(token.access_token)}` };
  const address = `${config.PAYMENT_SERVER_URL}/rotate-client-secret`;
  const answer = await post(address, 'message', undefined, {
    headers,
    ...(tls && { httpsAgent: new Agent(tlsOptions(tls)) }),
  });
  const { message, warning, client_secret } = answer;
  const secret = typeof client_secret === 'string' && `CLIENT_SECRET=${client_secret}`;
  return [message, warning, secret].filter((text) => typeof text === 'string').join('\n');
}

function printThatItWaits(): void {
  console.error(
    'The rotation has started: waiting for its answer, which may contain the only copy of the new secret. ' +
      'A second signal exits at once.',
  );
}

/** Sends a POST and returns the body. The answer must be a 200 with a string in `field`. */
async function post(
  url: string,
  field: string,
  body: object | undefined,
  more: Pick<AxiosRequestConfig, 'headers' | 'httpsAgent' | 'signal'> = {},
) {
  const { status, data } = await axios
    .post<Record<string, unknown> | null>(url, body, {
      ...more,
      timeout,
      maxRedirects: 0,
      proxy: false,
      validateStatus: () => true,
    })
    .catch((error: unknown) => {
      throw new Error(`${new URL(url).origin} is unreachable: ${(error as Error).message}`);
    });
  if (status === 200 && typeof data?.[field] === 'string') return data;
  const reason = [data?.error_description, data?.error].find((text) => typeof text === 'string');
  throw new Error(`${new URL(url).pathname} answered ${status}: ${reason ?? 'no reason given'}`);
}

/** @throws Error when the text cannot be written: otherwise a new secret would be lost unnoticed. */
export async function printWhole(text: string, output: Writable = process.stdout): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    output.write(`${text}\n`, (error) => {
      if (error)
        reject(
          new Error(
            `The secret is rotated, but the output cannot be written: ${error.message}. ` +
              'If the payment-server keeps its secret in memory, rotate it once more.',
          ),
        );
      else resolve();
    });
  });
}

if (require.main === module) {
  void runCommand(async (signal) => {
    await printWhole(await rotateSecret(loadEnvironment([join(__dirname, '..', '..', '..')]), signal));
  });
}

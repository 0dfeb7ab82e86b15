import { reset } from './adminApi';
import type { ClientOptions, LocalStytch, LocalStytchClient, LocalStytchOptions, LoggedRequest } from './api';
import { addClient } from './clients';
import { createEmulator, listen, type RunningEmulator } from './emulator';
import { RefusedError } from './errors';
import { mintToken } from './mintedToken';
import { readClientOptions, readFaultOptions, readMintOptions, readOptions } from './options';
import { refuseProduction } from './production';
import type { LoggedRequest as Entry } from './requestLog';
import type { Seed } from './seed';
import { hashSeed, type State } from './state';

/**
 * Starts an emulator of Stytch's M2M API on 127.0.0.1, inside this process. It writes nothing and handles no signals.
 * Any number of them can run at the same time.
 *
 * @throws TypeError that names each wrong option.
 * @throws Error when the port is in use, or with `NODE_ENV=production`.
 */
export async function startLocalStytch(options: LocalStytchOptions = {}): Promise<LocalStytch> {
  refuseProduction(process.env);
  const { port, seed } = readOptions(options);
  const emulator = createEmulator(await hashSeed(seed), {
    adminToken: undefined,
    reportError: (error) => {
      process.emitWarning(error instanceof Error ? error : String(error), 'LocalStytchWarning');
    },
  });
  return describe(await listen(emulator, { port }), seed);
}

function describe(emulator: RunningEmulator, seed: Seed): LocalStytch {
  const { url, port, state, faults, requests } = emulator;
  const close = () => emulator.close();
  const [client] = seed.clients;
  return {
    url,
    port,
    projectId: seed.projectId,
    env: {
      STYTCH_PROJECT_ID: seed.projectId,
      STYTCH_SECRET: seed.projectSecret,
      STYTCH_BASE_URL: url,
      CLIENT_ID: client.id,
      CLIENT_SECRET: client.secret,
    },
    createClient: (options) => createClient(state, options),
    mintToken: async (claims, options) => mintToken(state, readMintOptions(claims, options)),
    requests: () => requests.list().map(describeRequest),
    injectFault: (options) => {
      const fault = faults.inject(readFaultOptions(options));
      return {
        get hits() {
          return fault.hits;
        },
        remove: () => {
          faults.remove(fault);
        },
      };
    },
    setClock: (offsetSeconds) => {
      if (!Number.isFinite(offsetSeconds))
        throw new TypeError('local-stytch: offsetSeconds must be a number');
      state.clock.offsetSeconds = offsetSeconds;
    },
    rotateSigningKey: ({ keepPrevious = true } = {}) => state.keys.rotate(keepPrevious),
    reset: () => {
      reset(emulator);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function createClient(state: State, options: ClientOptions): Promise<LocalStytchClient> {
  const { id, name, secret, scopes = [], status, claims, trustedMetadata } = readClientOptions(options);
  const fields = {
    client_id: id,
    client_name: name,
    client_secret: secret,
    trusted_metadata: trustedMetadata,
    scopes: [...scopes],
  };
  const { client, clientSecret } = await addClient(state, fields, { claims, status }).catch(
    (error: unknown) => {
      throw error instanceof RefusedError ? new TypeError(`local-stytch: ${error.message}`) : error;
    },
  );
  return {
    id: client.clientId,
    secret: clientSecret,
    name: client.clientName,
    scopes: [...client.scopes],
  };
}

function describeRequest(entry: Entry): LoggedRequest {
  const { id, method, path, at, status, code, duration_milliseconds, client_id, claims } = entry;
  return {
    id,
    method,
    path,
    at: new Date(at),
    status,
    code,
    durationMilliseconds: duration_milliseconds,
    clientId: client_id ?? null,
    claims: claims === undefined ? null : structuredClone(claims),
  };
}

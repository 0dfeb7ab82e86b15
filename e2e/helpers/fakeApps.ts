import type { RequestListener } from 'node:http';
import type { Express } from 'express';
import type { Client } from 'stytch';
import { createApp as createPaymentApp, type Dependencies } from '../../payment-server/src/app';
import { WalletClient } from '../../payment-server/src/wallet/walletClient';
import { createLogger, Readiness, requireClientNames } from '../../packages/service-kit/src';
import {
  AuthorizationUnavailableError,
  type Authorizer,
  InsufficientScopeError,
  InvalidTokenError,
  InvalidRequestError,
  MemorySecretStore,
  SecretRotation,
  type SecretStore,
  UnauthorizedError,
} from '../../packages/stytch-m2m/src';
import { createApp as createWalletApp } from '../../wallet-server/src/app';
import type { ServerName } from './apiDocument';
import { startHttpServer } from './httpServer';

/** The conditions in which an app runs. By default everything works. */
export interface Conditions {
  /** Thrown by every call of Stytch's management API. */
  stytch?: Error;
  /** The last four characters of payment-service's next secret at Stytch. Its current secret ends in `abcd`. */
  nextSecretLastFour?: string;
  /** Whether a rotation of the secret was started by hand. */
  rotating?: boolean;
  /** Replaces methods of the store of payment-service's secret. */
  store?: Partial<SecretStore>;
  /** As in the payment-server's dependencies. Default false. */
  secretIsStored?: boolean;
  /** Thrown by the request for an access token. */
  token?: Error;
  /** Answers the payment-server in place of the wallet-server. */
  wallet?: RequestListener;
  /** How long the payment-server waits for the wallet-server. Default 30,000, which is enough on a busy machine. */
  walletTimeoutMilliseconds?: number;
  /** The client names that the wallet-server accepts. There is no TLS here, so every caller is refused. */
  clientNames?: string[];
  readiness?: Readiness;
  requestsPerMinute?: number;
  /** Whether every request fails with an unexpected error. */
  broken?: boolean;
}

const stored = {
  client_id: 'm2m-client-test-1',
  client_name: 'payment-service',
  client_description: '',
  status: 'active',
  scopes: ['read:users'],
  client_secret_last_four: 'abcd',
  trusted_metadata: {},
};
const envelope = { status_code: 200, request_id: 'request-id-test-1' };

/** An error like those of the Stytch SDK. */
export function stytchError(status: number, errorType: string): Error {
  return Object.assign(new Error(errorType), {
    status_code: status,
    error_type: errorType,
    error_message: 'The message of Stytch.',
    request_id: envelope.request_id,
  });
}

/** Accepts `Bearer <scope>` as a token with this scope. */
function fakeAuthorizer(realm: string): Pick<Authorizer, 'authorizeToken'> {
  return {
    authorizeToken: (requiredScopes) => (request, _response, next) => {
      const { authorization } = request.headers;
      const scopes = [requiredScopes].flat();
      if (authorization === undefined) next(new UnauthorizedError(realm));
      else if (authorization === 'Bearer') next(new InvalidRequestError(realm));
      else if (authorization === 'Bearer bad') next(new InvalidTokenError(realm, undefined));
      else if (authorization === 'Bearer unverifiable') next(new AuthorizationUnavailableError(1, undefined));
      else if (authorization !== `Bearer ${scopes.join(' ')}`)
        next(new InsufficientScopeError(realm, scopes));
      else next();
    },
  };
}

/** A fake Stytch, with the real rotation on it. Every call succeeds, or throws the error of the conditions. */
function fakeStytch({
  stytch: error,
  nextSecretLastFour,
  ...conditions
}: Conditions): Dependencies['stytch'] {
  const lastFour = {
    client_secret_last_four: 'abcd',
    next_client_secret_last_four: nextSecretLastFour ?? (conditions.rotating ? 'efgh' : null),
  };
  const answer =
    <Result>(result: Result) =>
    () =>
      error ? Promise.reject(error) : Promise.resolve(result);
  const client = (change: Partial<typeof lastFour> = {}, more: object = {}) =>
    answer({ ...envelope, m2m_client: { ...stored, ...Object.assign(lastFour, change), ...more } });
  const clients = {
    search: () => answer({ ...envelope, m2m_clients: [stored], results_metadata: { total: 1 } })(),
    create: client({}, { client_secret: 'secret-abcd' }),
    get: () => client()(),
    update: client(),
    delete: answer({ ...envelope, client_id: stored.client_id }),
    secrets: {
      rotateStart: () =>
        client({ next_client_secret_last_four: 'efgh' }, { next_client_secret: 'secret-efgh' })(),
      rotate: () => client({ client_secret_last_four: 'efgh', next_client_secret_last_four: null })(),
      rotateCancel: () => client({ next_client_secret_last_four: null })(),
    },
  };
  const token = answer({ access_token: 't', token_type: 'bearer', expires_in: 3_600 });
  const sdk = { m2m: { token, clients: clients as unknown as Client['m2m']['clients'] } };
  const store = Object.assign(new MemorySecretStore('secret-abcd'), conditions.store);
  if (conditions.rotating) {
    const rotation = { startedAt: new Date(), nextSecret: 'secret-efgh' };
    const read = store.read.bind(store);
    store.read =
      conditions.store?.read ??
      (async () => ({ ...(await read()), secrets: { secret: 'secret-abcd', rotation } }));
  }
  const clientId = stored.client_id;
  const rotation = new SecretRotation({ client: sdk, clientId, store });
  return { client: sdk, clientId, rotation, secretIsStored: conditions.secretIsStored ?? false };
}

const goodWallet: RequestListener = (_request, response) => {
  const wallet = { customerName: 'john_doe', walletId: 'oipk9ifgl7yto9w', walletBalance: 1790 };
  response.setHeader('Content-Type', 'application/json').end(JSON.stringify(wallet));
};

/** Creates the real app of a server. */
export function createApp(
  server: ServerName,
  conditions: Conditions = {},
  walletUrl = 'http://localhost:0',
): Express {
  const app = createWorkingApp(server, conditions, walletUrl);
  if (conditions.broken) failFirst(app);
  return app;
}

/** Makes every request fail, after the first middleware and before all others and the routes. */
function failFirst(app: Express): void {
  app.use(() => {
    throw new TypeError('unexpected');
  });
  const { stack } = app.router;
  stack.splice(1, 0, ...stack.splice(-1));
}

function createWorkingApp(server: ServerName, conditions: Conditions, walletUrl: string): Express {
  const base = {
    logger: createLogger({ name: server, level: 'silent' }),
    authorizer: fakeAuthorizer(server),
    ...(conditions.readiness && { readiness: conditions.readiness }),
  };
  if (server === 'wallet-server') {
    return createWalletApp({
      ...base,
      guard: conditions.clientNames && requireClientNames(conditions.clientNames),
    });
  }
  return createPaymentApp({
    ...base,
    stytch: fakeStytch(conditions),
    hint: 'Ask Stytch.',
    ...(conditions.requestsPerMinute !== undefined && { requestsPerMinute: conditions.requestsPerMinute }),
    payments: {
      getM2MAccessToken: () =>
        conditions.token
          ? Promise.reject(conditions.token)
          : Promise.resolve({ accessToken: 't', source: 'issued' }),
      invalidateM2MAccessToken: () => undefined,
      wallet: new WalletClient({
        url: walletUrl,
        timeoutMilliseconds: conditions.walletTimeoutMilliseconds ?? 30_000,
      }),
    },
  });
}

/** Runs `work` with an app and a fake wallet-server that it calls. */
export async function withApp<Result>(
  server: ServerName,
  conditions: Conditions,
  work: (app: Express) => Promise<Result>,
): Promise<Result> {
  const wallet = await startHttpServer(conditions.wallet ?? goodWallet);
  try {
    return await work(createApp(server, conditions, wallet.url));
  } finally {
    await wallet.stop();
  }
}

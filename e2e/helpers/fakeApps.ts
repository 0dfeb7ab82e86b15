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

/** What surrounds an app, where it is otherwise than well. */
export interface World {
  /** What every call of Stytch's management API throws. */
  stytch?: Error;
  /** How the next secret of payment-service's client ends, which is on a secret that ends in `abcd`. */
  nextSecretLastFour?: string;
  /** Whether a rotation of its secret was started by hand. */
  rotating?: boolean;
  /** What the store of payment-service's secret does otherwise. */
  store?: Partial<SecretStore>;
  /** Whether the payment-server says that a new secret is stored. Default false. */
  secretIsStored?: boolean;
  /** What the request for an access token throws. */
  token?: Error;
  /** How the wallet-server answers the payment-server. */
  wallet?: RequestListener;
  /** How long the payment-server waits for that. Default 30,000, so that a busy machine makes no difference. */
  walletTimeoutMilliseconds?: number;
  /** Names of clients, one of which the caller's certificate has to have. There is no TLS here, so none has. */
  clientNames?: string[];
  readiness?: Readiness;
  requestsPerMinute?: number;
  /** Whether something fails that nobody foresaw. */
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

/** An error as the Stytch SDK throws it. */
export function stytchError(status: number, errorType: string): Error {
  return Object.assign(new Error(errorType), {
    status_code: status,
    error_type: errorType,
    error_message: 'In the words of Stytch.',
    request_id: envelope.request_id,
  });
}

/** Takes `Bearer <scope>` for a token that holds this scope. */
function fakeAuthorizer(realm: string): Pick<Authorizer, 'authorizeToken'> {
  return {
    authorizeToken: (requiredScopes) => (request, _response, next) => {
      const { authorization } = request.headers;
      const scopes = [requiredScopes].flat();
      if (authorization === undefined) next(new UnauthorizedError(realm));
      else if (authorization === 'Bearer') next(new InvalidRequestError(realm));
      else if (authorization === 'Bearer bad') next(new InvalidTokenError(realm, undefined));
      else if (authorization === 'Bearer unjudged') next(new AuthorizationUnavailableError(1, undefined));
      else if (authorization !== `Bearer ${scopes.join(' ')}`)
        next(new InsufficientScopeError(realm, scopes));
      else next();
    },
  };
}

/** A Stytch, and the real rotation on it, whose every call succeeds, or throws what the world says. */
function fakeStytch({ stytch: error, nextSecretLastFour, ...world }: World): Dependencies['stytch'] {
  const lastFour = {
    client_secret_last_four: 'abcd',
    next_client_secret_last_four: nextSecretLastFour ?? (world.rotating ? 'efgh' : null),
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
  const store = Object.assign(new MemorySecretStore('secret-abcd'), world.store);
  if (world.rotating) {
    const rotation = { startedAt: new Date(), nextSecret: 'secret-efgh' };
    const read = store.read.bind(store);
    const { read: itsOwn } = world.store ?? {};
    store.read =
      itsOwn ?? (async () => ({ ...(await read()), secrets: { secret: 'secret-abcd', rotation } }));
  }
  const clientId = stored.client_id;
  const rotation = new SecretRotation({ client: sdk, clientId, store });
  return { client: sdk, clientId, rotation, secretIsStored: world.secretIsStored ?? false };
}

const goodWallet: RequestListener = (_request, response) => {
  const wallet = { customerName: 'john_doe', walletId: 'oipk9ifgl7yto9w', walletBalance: 1790 };
  response.setHeader('Content-Type', 'application/json').end(JSON.stringify(wallet));
};

/** The real app of a server, in a world of its own. */
export function createApp(server: ServerName, world: World = {}, walletUrl = 'http://localhost:0'): Express {
  const app = createSoundApp(server, world, walletUrl);
  if (world.broken) failFirst(app);
  return app;
}

/** Has every request fail, behind what comes before each and before any route. */
function failFirst(app: Express): void {
  app.use(() => {
    throw new TypeError('unforeseen');
  });
  const { stack } = app.router;
  stack.splice(1, 0, ...stack.splice(-1));
}

function createSoundApp(server: ServerName, world: World, walletUrl: string): Express {
  const base = {
    logger: createLogger({ name: server, level: 'silent' }),
    authorizer: fakeAuthorizer(server),
    ...(world.readiness && { readiness: world.readiness }),
  };
  if (server === 'wallet-server') {
    return createWalletApp({ ...base, guard: world.clientNames && requireClientNames(world.clientNames) });
  }
  return createPaymentApp({
    ...base,
    stytch: fakeStytch(world),
    hint: 'Ask Stytch.',
    ...(world.requestsPerMinute !== undefined && { requestsPerMinute: world.requestsPerMinute }),
    payments: {
      getM2MAccessToken: () =>
        world.token ? Promise.reject(world.token) : Promise.resolve({ accessToken: 't', source: 'issued' }),
      invalidateM2MAccessToken: () => undefined,
      wallet: new WalletClient({
        url: walletUrl,
        timeoutMilliseconds: world.walletTimeoutMilliseconds ?? 30_000,
      }),
    },
  });
}

/** Lets work be done on an app whose wallet-server is there, and answers as the world says. */
export async function withApp<Result>(
  server: ServerName,
  world: World,
  work: (app: Express) => Promise<Result>,
): Promise<Result> {
  const wallet = await startHttpServer(world.wallet ?? goodWallet);
  try {
    return await work(createApp(server, world, wallet.url));
  } finally {
    await wallet.stop();
  }
}

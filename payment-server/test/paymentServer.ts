import {
  AccessTokenProvider,
  ClientCredentials,
  createAuthorizer,
  MemorySecretStore,
  SecretRotation,
} from 'stytch-m2m';
import type { Client, M2MClient } from 'stytch';
import { createTestLogger, secretMark, type TestLogger } from '../../packages/service-kit/test/testLogger';
import { createStytchProject, projectId, type StytchProject } from '../../wallet-server/test/stytchProject';
import { createApp } from '../src/app';
import { createPaymentMetrics } from '../src/metrics';
import type { PaymentRouteDependencies } from '../src/routes/payments';
import { WalletClient } from '../src/wallet/walletClient';

export const clientId = 'm2m-client-test-payment-service';
export const clientSecret = `first-${secretMark}`;
export const nextSecret = `${secretMark}-next`;
export const hint = 'Ask the token endpoint for a token with scope manage:m2m_clients';

const done = { request_id: 'request-id-test-1', status_code: 200 };

/** The M2M client payment-service, as Stytch shows it. */
export const m2mClient = {
  client_id: clientId,
  client_name: 'payment-service',
  client_description: '',
  status: 'active',
  scopes: ['read:users'],
  client_secret_last_four: clientSecret.slice(-4),
  trusted_metadata: {},
} satisfies M2MClient;

/** Mocks the SDK calls that the payment-server makes. Each succeeds unless a test changes it. */
export function mockStytchCalls({ m2m }: Client) {
  let issued = 0;
  let rotating = false;
  const { clients } = m2m;
  const next = { next_client_secret_last_four: nextSecret.slice(-4) };
  const shown = () => ({ ...done, m2m_client: { ...m2mClient, ...(rotating && next) } });
  return {
    token: jest.spyOn(m2m, 'token').mockImplementation(() => {
      issued += 1;
      return Promise.resolve({
        access_token: `access-token-${issued}`,
        token_type: 'bearer',
        expires_in: 3_600,
      });
    }),
    search: jest.spyOn(clients, 'search').mockResolvedValue({
      ...done,
      m2m_clients: [m2mClient],
      results_metadata: { total: 1 },
    }),
    create: jest
      .spyOn(clients, 'create')
      .mockResolvedValue({ ...done, m2m_client: { ...m2mClient, client_secret: clientSecret } }),
    get: jest.spyOn(clients, 'get').mockImplementation(() => Promise.resolve(shown())),
    update: jest.spyOn(clients, 'update').mockResolvedValue({ ...done, m2m_client: m2mClient }),
    delete: jest.spyOn(clients, 'delete').mockResolvedValue({ ...done, client_id: clientId }),
    rotateStart: jest.spyOn(clients.secrets, 'rotateStart').mockImplementation(() => {
      rotating = true;
      return Promise.resolve({
        ...done,
        m2m_client: { ...m2mClient, ...next, next_client_secret: nextSecret },
      });
    }),
    rotate: jest.spyOn(clients.secrets, 'rotate').mockImplementation(() => {
      rotating = false;
      const client_secret_last_four = nextSecret.slice(-4);
      return Promise.resolve({ ...done, m2m_client: { ...m2mClient, client_secret_last_four } });
    }),
    rotateCancel: jest.spyOn(clients.secrets, 'rotateCancel').mockImplementation(() => {
      rotating = false;
      return Promise.resolve(shown());
    }),
  };
}

export type StytchCalls = ReturnType<typeof mockStytchCalls>;

interface Settings {
  walletUrl?: string;
  /** Milliseconds. */
  walletTimeout?: number;
  /** Milliseconds. */
  paymentDeadline?: number;
  /** Milliseconds that a token request may take. */
  tokenDeadline?: number;
  requestsPerMinute?: number;
  maxTokenAgeSeconds?: number;
}

export interface PaymentServer {
  app: ReturnType<typeof createApp>;
  project: StytchProject;
  calls: StytchCalls;
  log: TestLogger;
  /** An operator's access token, for the admin routes. */
  operator: string;
}

/** The payment-server's app with its dependencies, on a mocked Stytch. */
export async function createPaymentServer(settings: Settings = {}): Promise<PaymentServer> {
  const { walletUrl = 'http://127.0.0.1:1', walletTimeout, paymentDeadline, tokenDeadline } = settings;
  const project = await createStytchProject();
  const calls = mockStytchCalls(project.client);
  const log = createTestLogger();
  const metrics = createPaymentMetrics();
  const store = new MemorySecretStore(clientSecret);
  const { credentials } = await ClientCredentials.follow(clientId, store);
  const accessTokens = new AccessTokenProvider({
    client: project.client,
    credentials,
    onEvent: metrics.onAccessToken,
    ...(tokenDeadline !== undefined && { timeoutMilliseconds: tokenDeadline }),
  });
  const payments: PaymentRouteDependencies = {
    getM2MAccessToken: (options) => accessTokens.getAccessToken('read:users', options),
    invalidateM2MAccessToken: (accessToken) => {
      accessTokens.invalidate(accessToken);
    },
    wallet: new WalletClient({
      url: walletUrl,
      ...(walletTimeout !== undefined && { timeoutMilliseconds: walletTimeout }),
    }),
    ...(paymentDeadline !== undefined && { timeoutMilliseconds: paymentDeadline }),
  };
  const app = createApp({
    logger: log.logger,
    metrics,
    payments,
    stytch: {
      client: project.client,
      clientId,
      rotation: new SecretRotation({ client: project.client, clientId, store }),
      secretIsStored: false,
    },
    authorizer: createAuthorizer({
      client: project.client,
      projectId,
      realm: 'payment-server',
      onAuthorization: metrics.onAuthorization,
    }),
    hint,
    ...(settings.requestsPerMinute !== undefined && { requestsPerMinute: settings.requestsPerMinute }),
    ...(settings.maxTokenAgeSeconds !== undefined && { maxTokenAgeSeconds: settings.maxTokenAgeSeconds }),
  });
  const operator = await project.mint({ sub: 'm2m-client-test-operator', scope: 'manage:m2m_clients' });
  return { app, project, calls, log, operator };
}

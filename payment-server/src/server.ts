import 'service-kit/earlySignals';
import { join } from 'node:path';
import { type Environment, type Logger, runProgram, type RunningServer, startServer } from 'service-kit';
import { createAuthorizer, type RotationEvent, tokenEndpoint } from 'stytch-m2m';
import { createApp } from './app';
import { type Config, readPaymentConfig } from './config';
import { createStytch } from './helper/stytch';
import { createPaymentMetrics } from './metrics';
import { startTracing } from './tracing';
import { WalletClient } from './wallet/walletClient';

/** The folder of this package. */
const folder = join(__dirname, '..');

/**
 * Starts the payment-server.
 *
 * @throws ConfigError when the environment does not let it start.
 */
export async function start(environment: Environment): Promise<RunningServer> {
  const config = readPaymentConfig(environment);
  const metrics = createPaymentMetrics();
  return startServer({ name: 'payment-server', folder, config, metrics }, async ({ logger, tls }) => {
    const tracing = startTracing(config, logger);
    const stytch = await createStytch(config, {
      onAccessToken: metrics.onAccessToken,
      onRotation: (event) => {
        metrics.onRotation(event);
        logRotation(logger, event, stytch.secretIsStored);
      },
      onSecretError: (error) => {
        logger.warn({ err: error }, 'client secret could not be read or rotated: will retry');
      },
    });
    metrics.observeSecret(stytch.lastRotatedAt);
    const authorizer = createAuthorizer({
      client: stytch.client,
      projectId: config.STYTCH_PROJECT_ID,
      baseUrl: config.STYTCH_BASE_URL,
      realm: 'payment-server',
      onAuthorization: metrics.onAuthorization,
      onJwksFetch: metrics.onJwksFetch,
    });
    const dependencies = {
      stytch,
      authorizer,
      hint: howToGetToken(config),
      requestsPerMinute: config.ADMIN_RATE_LIMIT,
      maxTokenAgeSeconds: config.ADMIN_MAX_TOKEN_AGE_SECONDS,
      payments: { ...stytch, wallet: new WalletClient({ url: config.WALLET_SERVER_URL, tls }) },
    };
    return {
      tracing,
      createApp: (base) => createApp({ ...base, ...dependencies }),
      isReady: () => authorizer.isReady(),
      start: () => {
        authorizer.start();
        stytch.start();
      },
      stop: () => {
        authorizer.stop();
        stytch.stop();
      },
    };
  });
}

function logRotation(logger: Logger, event: RotationEvent, stored: boolean): void {
  if (event.type === 'failed') logger.error({ err: event.error }, 'secret rotation failed');
  else logger.info(`secret rotation ${event.type}`);
  if (event.type === 'started' && !stored) {
    logger.warn('the new client secret is only in memory: store it in CLIENT_SECRET before a restart');
  }
}

function howToGetToken({ STYTCH_BASE_URL, STYTCH_PROJECT_ID }: Config): string {
  const endpoint = tokenEndpoint({ projectId: STYTCH_PROJECT_ID, baseUrl: STYTCH_BASE_URL });
  return (
    'Send a Bearer token with scope manage:m2m_clients; its access_token comes from: ' +
    `curl ${endpoint} -d grant_type=client_credentials ` +
    '-d client_id=$OPERATOR_CLIENT_ID -d client_secret=$OPERATOR_CLIENT_SECRET'
  );
}

if (require.main === module) void runProgram(start, [folder, join(folder, '..')]);

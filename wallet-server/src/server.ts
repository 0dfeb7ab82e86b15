import 'service-kit/earlySignals';
import { join } from 'node:path';
import {
  type Environment,
  requireClientNames,
  runProgram,
  type RunningServer,
  startServer,
} from 'service-kit';
import { createApp } from './app';
import { readWalletConfig } from './config';
import { createWalletMetrics } from './metrics';
import { createTokenAuthorizer } from './middleware/authorizeToken';
import { startTracing } from './tracing';

/** The folder of this package. */
const folder = join(__dirname, '..');

/**
 * Starts the wallet-server.
 *
 * @throws ConfigError when a setting is invalid, or a port is in use.
 */
export async function start(environment: Environment): Promise<RunningServer> {
  const config = readWalletConfig(environment);
  const metrics = createWalletMetrics();
  return startServer({ name: 'wallet-server', folder, config, metrics }, ({ logger }) => {
    const tracing = startTracing(config, logger);
    const authorizer = createTokenAuthorizer(config, metrics);
    const { ALLOWED_CLIENT_NAMES: names } = config;
    const guard = names && requireClientNames(names);
    return { ...authorizer, tracing, createApp: (base) => createApp({ ...base, authorizer, guard }) };
  });
}

if (require.main === module) void runProgram(start, [folder, join(folder, '..')]);

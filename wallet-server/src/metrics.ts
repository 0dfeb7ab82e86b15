import { Counter } from 'prom-client';
import { createMetrics, type Metrics } from 'service-kit';
import type { AuthorizationOutcome } from 'stytch-m2m';

/** Creates the metrics of the wallet-server: requests, and the outcome of each authorization. */
export function createWalletMetrics(): Metrics & {
  onAuthorization: (outcome: AuthorizationOutcome) => void;
} {
  const metrics = createMetrics();
  const authorizations = new Counter({
    name: 'authorizations_total',
    help: 'Requests that need an access token, by outcome',
    labelNames: ['outcome'],
    registers: [metrics.registry],
  });
  return {
    ...metrics,
    onAuthorization: (outcome) => {
      authorizations.inc({ outcome });
    },
  };
}

import { Counter, Gauge } from 'prom-client';
import { createMetrics, type Metrics } from 'service-kit';
import { type AuthorizationOutcome, authorizationOutcomes, type JwksFetchEvent } from 'stytch-m2m';

export interface WalletMetrics extends Metrics {
  onAuthorization: (outcome: AuthorizationOutcome) => void;
  onJwksFetch: (event: JwksFetchEvent) => void;
}

/** Creates the metrics of the wallet-server: requests, the outcome of each authorization, and fetches of the JWKS. */
export function createWalletMetrics(): WalletMetrics {
  const metrics = createMetrics();
  const registers = [metrics.registry];
  const authorizations = new Counter({
    name: 'authorizations_total',
    help: 'Requests that need an access token, by outcome',
    labelNames: ['outcome'],
    registers,
  });
  const jwksFetches = new Counter({
    name: 'jwks_fetches_total',
    help: 'Fetches of the JWKS from Stytch, by result: fetched, failed',
    labelNames: ['result'],
    registers,
  });
  const jwksFetchedAt = new Gauge({
    name: 'jwks_last_fetch_timestamp_seconds',
    help: 'When the JWKS was last fetched, in seconds since 1970',
    registers,
  });
  // Counters start at 0: an alert cannot see the increase of a counter that first appears as 1.
  for (const outcome of authorizationOutcomes) authorizations.inc({ outcome }, 0);
  for (const result of ['fetched', 'failed']) jwksFetches.inc({ result }, 0);
  metrics.startAtZero('POST', '/api/check-balance', [200, 499, 500, 503]);
  // A refused request of an overloaded server has no route.
  metrics.startAtZero('POST', 'none', [503]);
  return {
    ...metrics,
    onAuthorization: (outcome) => {
      authorizations.inc({ outcome });
    },
    onJwksFetch: ({ type }) => {
      jwksFetches.inc({ result: type });
      if (type === 'fetched') jwksFetchedAt.setToCurrentTime();
    },
  };
}

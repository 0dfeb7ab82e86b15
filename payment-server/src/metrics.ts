import { Counter, Gauge, Histogram } from 'prom-client';
import { createMetrics, type Metrics } from 'service-kit';
import {
  type AccessTokenEvent,
  type AuthorizationOutcome,
  authorizationOutcomes,
  type JwksFetchEvent,
  type RotationEvent,
} from 'stytch-m2m';

export interface PaymentMetrics extends Metrics {
  onAccessToken: (event: AccessTokenEvent) => void;
  onAuthorization: (outcome: AuthorizationOutcome) => void;
  onJwksFetch: (event: JwksFetchEvent) => void;
  onRotation: (event: RotationEvent) => void;
  /** Adds the age of the client secret. It is read at each scrape. */
  observeSecret: (lastRotatedAt: () => Date | undefined) => void;
}

/** The statuses of payments that alerts name. */
const paymentStatuses = [200, 402, 499, 500, 502, 503, 504];

/** The metrics of the payment-server: process, requests, access tokens, callers, JWKS and secret rotations. */
export function createPaymentMetrics(): PaymentMetrics {
  const metrics = createMetrics();
  const registers = [metrics.registry];
  const requests = new Counter({
    name: 'access_token_requests_total',
    help: 'Access tokens requested from Stytch, by result: issued, refreshed, failed',
    labelNames: ['result'],
    registers,
  });
  const duration = new Histogram({
    name: 'access_token_request_duration_seconds',
    help: 'Seconds that Stytch took to issue an access token',
    buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers,
  });
  const uses = new Counter({
    name: 'access_token_cache_hits_total',
    help: 'Calls that were served from the cache of access tokens',
    registers,
  });
  const invalidations = new Counter({
    name: 'access_tokens_invalidated_total',
    help: 'Cached access tokens that the wallet-server rejected',
    registers,
  });
  const authorizations = new Counter({
    name: 'authorizations_total',
    help: 'Requests that had to show an access token, by outcome',
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
  const rotations = new Counter({
    name: 'secret_rotations_total',
    help: 'Rotations of the client secret, by result: started, completed, cancelled, failed',
    labelNames: ['result'],
    registers,
  });
  // Counters start at 0: an alert cannot see the increase of a counter that first appears as 1.
  for (const result of ['issued', 'refreshed', 'failed']) requests.inc({ result }, 0);
  for (const outcome of authorizationOutcomes) authorizations.inc({ outcome }, 0);
  for (const result of ['fetched', 'failed']) jwksFetches.inc({ result }, 0);
  for (const method of ['GET', 'POST']) metrics.startAtZero(method, '/initiate-payment', paymentStatuses);
  // A refused request of an overloaded server has no route.
  for (const method of ['GET', 'POST']) metrics.startAtZero(method, 'none', [503]);
  for (const result of ['started', 'completed', 'cancelled', 'failed']) rotations.inc({ result }, 0);
  return {
    ...metrics,
    onRotation: ({ type }) => {
      rotations.inc({ result: type });
    },
    observeSecret: (lastRotatedAt) => {
      const gauge = (name: string, help: string, value: (rotatedAt: Date) => number) =>
        new Gauge({
          name,
          help,
          registers,
          collect() {
            const rotatedAt = lastRotatedAt();
            if (rotatedAt) this.set(value(rotatedAt));
            else this.remove(); // Unknown: 0 would mean that the secret is new.
          },
        });
      gauge('client_secret_age_seconds', 'Seconds since the client secret became the secret', (rotatedAt) =>
        Math.max(0, (Date.now() - rotatedAt.getTime()) / 1_000),
      );
      gauge(
        'client_secret_last_rotation_timestamp_seconds',
        'When the client secret became the secret, in seconds since 1970',
        (rotatedAt) => rotatedAt.getTime() / 1_000,
      );
    },
    onAccessToken: (event) => {
      if (event.type === 'cache_hit') uses.inc();
      else if (event.type === 'invalidated') invalidations.inc();
      else requests.inc({ result: event.type });
      if (event.type === 'issued' || event.type === 'refreshed') duration.observe(event.milliseconds / 1_000);
    },
    onAuthorization: (outcome) => {
      authorizations.inc({ outcome });
    },
    onJwksFetch: ({ type }) => {
      jwksFetches.inc({ result: type });
      if (type === 'fetched') jwksFetchedAt.setToCurrentTime();
    },
  };
}

import { Counter, Gauge, Histogram } from 'prom-client';
import { createMetrics, type Metrics } from 'service-kit';
import type { AccessTokenEvent, AuthorizationOutcome, RotationEvent } from 'stytch-m2m';

export interface PaymentMetrics extends Metrics {
  onAccessToken: (event: AccessTokenEvent) => void;
  onAuthorization: (outcome: AuthorizationOutcome) => void;
  onRotation: (event: RotationEvent) => void;
  /** Adds the age of the client secret. It is read at each scrape. */
  observeSecret: (lastRotatedAt: () => Date | undefined) => void;
}

/** The metrics of the payment-server: process, requests, access tokens, callers and secret rotations. */
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
  const rotations = new Counter({
    name: 'secret_rotations_total',
    help: 'Rotations of the client secret, by result: started, completed, cancelled, failed',
    labelNames: ['result'],
    registers,
  });
  // Counters start at 0: an alert cannot see the increase of a counter that first appears as 1.
  for (const result of ['issued', 'refreshed', 'failed']) requests.inc({ result }, 0);
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
  };
}

import type { Logger, TraceSpan, Tracing } from 'service-kit';
import { openTracing, propagate, traceChannel, withSubscribers } from 'service-kit/tracing';
import type { TracingMessages } from 'stytch-m2m';
import type { Config } from './config';

/**
 * Makes spans of each request, of its authorization, and of each fetch of the JWKS.
 *
 * @returns undefined if tracing is off.
 */
export function startTracing(config: Config, logger: Logger): Tracing | undefined {
  const tracing = openTracing(config, 'wallet-server', logger);
  return (
    tracing &&
    withSubscribers(tracing, [
      traceAuthorization(tracing),
      traceJwks(tracing),
      propagate('stytch-m2m.stytch_request'),
    ])
  );
}

function traceAuthorization(tracing: Tracing) {
  return traceChannel<TracingMessages['stytch-m2m.authorize']>(tracing, 'stytch-m2m.authorize', {
    name: () => 'authorizeToken',
    kind: 'internal',
    parent: ({ request }) => (request as { span?: TraceSpan } | undefined)?.span,
    attributes: ({ requiredScopes, cached, outcome }) => ({
      'authorization.required_scopes': requiredScopes.join(' '),
      'authorization.token_cached': cached,
      'authorization.outcome': outcome,
    }),
  });
}

function traceJwks(tracing: Tracing) {
  return traceChannel<TracingMessages['stytch-m2m.jwks_fetch']>(tracing, 'stytch-m2m.jwks_fetch', {
    name: () => 'JWKS fetch',
    kind: 'client',
    attributes: ({ keys }) => ({ 'jwks.keys': keys }),
  });
}

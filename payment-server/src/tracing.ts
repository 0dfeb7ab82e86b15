import type { Logger, TraceSpan, Tracing } from 'service-kit';
import { openTracing, propagate, traceChannel, withSubscribers } from 'service-kit/tracing';
import type { TracingMessages } from 'stytch-m2m';
import type { Config } from './config';

/**
 * Makes spans of each request, and of its access token, its authorization and its rotation.
 *
 * @returns undefined if tracing is off.
 */
export function startTracing(config: Config, logger: Logger): Tracing | undefined {
  const tracing = openTracing(config, 'payment-server', logger);
  return (
    tracing &&
    withSubscribers(tracing, [
      ...traceTokens(tracing),
      ...traceAuthorization(tracing),
      ...traceRotation(tracing),
      propagate('stytch-m2m.stytch_request'),
    ])
  );
}

function traceTokens(tracing: Tracing) {
  return [
    traceChannel<TracingMessages['stytch-m2m.get_access_token']>(tracing, 'stytch-m2m.get_access_token', {
      name: () => 'getAccessToken',
      kind: 'internal',
      attributes: ({ scopes, source }) => ({
        'access_token.scopes': scopes.join(' '),
        'access_token.source': source,
      }),
    }),
    traceChannel<TracingMessages['stytch-m2m.token_request']>(tracing, 'stytch-m2m.token_request', {
      name: () => 'token request',
      kind: 'client',
      attributes: ({ scopes, source, error }) => ({
        'access_token.scopes': scopes.join(' '),
        'access_token.source': source,
        ...answeredWith(error),
      }),
    }),
  ];
}

function traceAuthorization(tracing: Tracing) {
  return [
    traceChannel<TracingMessages['stytch-m2m.authorize']>(tracing, 'stytch-m2m.authorize', {
      name: () => 'authorizeToken',
      kind: 'internal',
      parent: ({ request }) => (request as { span?: TraceSpan } | undefined)?.span,
      attributes: ({ requiredScopes, cached, outcome }) => ({
        'authorization.required_scopes': requiredScopes.join(' '),
        'authorization.token_cached': cached,
        'authorization.outcome': outcome,
      }),
    }),
    traceChannel<TracingMessages['stytch-m2m.jwks_fetch']>(tracing, 'stytch-m2m.jwks_fetch', {
      name: () => 'JWKS fetch',
      kind: 'client',
      attributes: ({ keys }) => ({ 'jwks.keys': keys }),
    }),
  ];
}

function traceRotation(tracing: Tracing) {
  return [
    traceChannel<TracingMessages['stytch-m2m.rotation']>(tracing, 'stytch-m2m.rotation', {
      name: ({ operation }) => `rotation: ${operation}`,
      kind: 'internal',
      attributes: () => ({}),
    }),
    traceChannel<TracingMessages['stytch-m2m.rotation_step']>(tracing, 'stytch-m2m.rotation_step', {
      name: ({ step }) => `rotation step: ${step}`,
      kind: 'client',
      attributes: ({ error }) => answeredWith(error),
    }),
  ];
}

/** The status of Stytch's answer to a call: 200 unless it failed. */
function answeredWith(error: unknown) {
  if (error === undefined) return { 'http.response.status_code': 200 };
  const { status } = (error ?? {}) as { status?: unknown };
  return typeof status === 'number' ? { 'http.response.status_code': status } : {};
}

import type { Span } from '../../src/traces';
import { type Outcome, outcomeOf } from './outcome';
import { type SpanNode, statusOf, textOf } from './spanTree';

/** What a span of stytch-m2m says, for a note and for a sentence. */
export interface NoteText {
  label: string;
  outcome: Outcome;
  /** Why it was refused, or has failed. */
  reason: string | null;
  topic: Topic;
}

export type Topic =
  | { name: 'token'; source: 'cache' | 'issued' | 'refreshed' | null }
  | { name: 'authorization'; cached: boolean | null; code: string; status: number | null; scopes: string }
  | { name: 'rotation'; operation: string };

/** The note of a span; undefined for a span that is no operation of stytch-m2m. */
export function describeNote(node: SpanNode): NoteText | undefined {
  const { span } = node;
  if (span.name === 'getAccessToken') return describeToken(span);
  if (span.name === 'authorizeToken') return describeAuthorization(node);
  const [, operation] = /^rotation: (\w+)$/.exec(span.name) ?? [];
  return operation === undefined ? undefined : describeRotation(span, operation);
}

const tokenLabels = {
  cache: 'Access token from the cache',
  issued: 'New access token, now in the cache',
  refreshed: 'Refreshed access token, now in the cache',
};

function describeToken(span: Span): NoteText {
  const source = textOf(span, 'access_token.source');
  const known = source === 'cache' || source === 'issued' || source === 'refreshed' ? source : null;
  const failed = span.status.code === 'error';
  return {
    label: failed ? 'No access token' : known === null ? 'Access token' : tokenLabels[known],
    outcome: failed ? 'failed' : 'succeeded',
    reason: failed ? failureOf(span) : null,
    topic: { name: 'token', source: known },
  };
}

function describeAuthorization(node: SpanNode): NoteText {
  const { span } = node;
  const cached = span.attributes['authorization.token_cached'];
  const scopes = textOf(span, 'authorization.required_scopes') ?? '';
  const failed = span.status.code === 'error';
  const code = textOf(span, 'authorization.outcome') ?? (failed ? failureOf(span) : 'allowed');
  const status = statusOfRequest(node);
  const topic = {
    name: 'authorization' as const,
    cached: typeof cached === 'boolean' ? cached : null,
    code,
    status,
    scopes,
  };
  if (code === 'allowed') {
    return { label: `Token accepted: ${howVerified(cached)}`, outcome: 'succeeded', reason: null, topic };
  }
  const unavailable = code === 'authorization_unavailable' || outcomeOf(status, false) === 'failed';
  return {
    label: `${unavailable ? 'Not checked' : 'Refused'}: ${code}`,
    outcome: unavailable ? 'failed' : 'refused',
    reason: whyRefused(code, scopes, span.status.message),
    topic,
  };
}

function howVerified(cached: unknown): string {
  return cached === true ? 'verified before' : cached === false ? 'verified now' : 'allowed';
}

/** Of the request that a span is part of. */
function statusOfRequest(node: SpanNode): number | null {
  let server = node.parent;
  while (server && server.span.kind !== 'server') server = server.parent;
  return server && server.span.service === node.span.service ? statusOf(server.span) : null;
}

/** The messages of `jose` and of stytch-m2m in words. */
const plainMessages: readonly (readonly [pattern: RegExp, words: string])[] = [
  [/"exp" claim|^expired$/, 'the token has expired'],
  [/"nbf" claim|^not yet valid$/, 'the token is not valid yet'],
  [/"aud" claim/, 'the token is for another audience'],
  [/"iss" claim/, 'the token has another issuer'],
  [/"alg"/, 'the algorithm of the token is not allowed'],
  [/"typ"/, 'the type of the token is not JWT'],
  [/signature verification failed/, 'the signature is wrong'],
  [/not in the JWKS/, 'the token is signed with a key that is not in the JWKS'],
  [/^Invalid Compact JWS|^Invalid JWT|not in base64url|JWS Protected Header/, 'the text is not a JWT'],
];

function whyRefused(code: string, scopes: string, message: string | null): string {
  switch (code) {
    case 'unauthorized':
      return 'the call has no token';
    case 'invalid_request':
      return 'the Authorization header is malformed';
    case 'insufficient_scope':
      return `the token lacks ${scopes.includes(' ') ? `one of the scopes ${scopes}` : scopes}`;
    case 'token_too_old':
      return 'the token is older than this route accepts';
    case 'access_denied':
      return 'this route does not allow the client';
    case 'authorization_unavailable':
      return 'there are no keys to check the token with';
    default:
      return plainMessages.find(([pattern]) => pattern.test(message ?? ''))?.[1] ?? message ?? code;
  }
}

const rotationLabels: ReadonlyMap<string, string> = new Map([
  ['start', 'Rotation started: both secrets work'],
  ['complete', 'Rotation completed: only the new secret works'],
  ['cancel', 'Rotation cancelled: only the old secret works'],
  ['rotate', 'Secret rotated: only the new secret works'],
  ['recover', 'Interrupted rotation recovered'],
]);

function describeRotation(span: Span, operation: string): NoteText {
  const failed = span.status.code === 'error';
  return {
    label: failed ? `Rotation failed: ${operation}` : (rotationLabels.get(operation) ?? span.name),
    outcome: failed ? 'failed' : 'succeeded',
    reason: failed ? failureOf(span) : null,
    topic: { name: 'rotation', operation },
  };
}

/** Why a span has failed. */
export function failureOf(span: Span): string {
  const reason = span.status.message || (textOf(span, 'error.type') ?? 'unknown');
  return reason.replace(/\.$/, '');
}

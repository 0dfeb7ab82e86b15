import { channel, type TracingChannel, tracingChannel } from 'node:diagnostics_channel';
import type { AccessToken } from './client/accessToken';
import type { AuthorizationOutcome } from './resource/authorizer';

/** An operation. All its events have the same message object. */
export interface OperationMessage {
  /**
   * The `context` of the caller's options. A subscriber of `start` may replace it, for example by a new span: the
   * operations inside this one get the new value.
   */
  context?: unknown;
  /** Why it failed. Set from `error` on. No error of this library contains a token or a secret. */
  error?: unknown;
}

/** `getAccessToken`. */
export interface GetAccessTokenMessage extends OperationMessage {
  readonly scopes: readonly string[];
  /** Set when it has succeeded. */
  source?: AccessToken['source'];
}

/** One token request. A retry is another one. It has no `context` when it refreshes a token in the background. */
export interface TokenRequestMessage extends OperationMessage {
  readonly scopes: readonly string[];
  /** Set when it has succeeded. */
  source?: 'issued' | 'refreshed';
}

/** `authorize`, or one request of `authorizeToken`. */
export interface AuthorizeMessage extends OperationMessage {
  /** The request or the headers that were passed, unless it was a string. It contains the access token. */
  readonly request: object | undefined;
  readonly requiredScopes: readonly string[];
  /** Whether the token was in the cache of verified tokens. Undefined if the request has no token. */
  cached?: boolean;
  /** Set when it has ended, unless the error is unexpected. */
  outcome?: AuthorizationOutcome;
}

/** One fetch of the JWKS. It has no `context` when it happens in the background. */
export interface JwksFetchMessage extends OperationMessage {
  /** How many keys were fetched. Set when it has succeeded. */
  keys?: number;
}

/** One call of a method of `SecretRotation`. */
export interface RotationMessage extends OperationMessage {
  readonly operation: 'start' | 'complete' | 'cancel' | 'rotate' | 'recover';
}

/** One call to Stytch during a rotation. `show` gets the last characters of the secrets, `verify` tries a secret. */
export interface RotationStepMessage extends OperationMessage {
  readonly step: 'show' | 'start' | 'verify' | 'complete' | 'cancel';
}

/** A request that the Stytch SDK sends through `stytchDispatcher`. */
export interface StytchRequestMessage {
  /** The `context` of the operation that sends it. */
  readonly context: unknown;
  readonly method: string;
  readonly origin: string;
  readonly path: string;
  /** Headers to add, such as `traceparent`. */
  readonly headers: Record<string, string>;
}

/** The tracing channels of this library, by name, with the type of their messages. */
export interface TracingMessages {
  'stytch-m2m.get_access_token': GetAccessTokenMessage;
  'stytch-m2m.token_request': TokenRequestMessage;
  'stytch-m2m.authorize': AuthorizeMessage;
  'stytch-m2m.jwks_fetch': JwksFetchMessage;
  'stytch-m2m.rotation': RotationMessage;
  'stytch-m2m.rotation_step': RotationStepMessage;
}

function open<Name extends keyof TracingMessages>(name: Name) {
  return tracingChannel<unknown, TracingMessages[Name]>(name);
}

export const channels = {
  getAccessToken: open('stytch-m2m.get_access_token'),
  tokenRequest: open('stytch-m2m.token_request'),
  authorize: open('stytch-m2m.authorize'),
  jwksFetch: open('stytch-m2m.jwks_fetch'),
  rotation: open('stytch-m2m.rotation'),
  rotationStep: open('stytch-m2m.rotation_step'),
  stytchRequest: channel('stytch-m2m.stytch_request'),
};

/**
 * Runs an operation and publishes its events. The last one is always `asyncEnd`, also if the operation is synchronous.
 * Node's own `tracePromise` is not used: it would publish the result, which is a token or a secret.
 */
export function traced<Message extends OperationMessage, Result>(
  channel: TracingChannel<unknown, Message>,
  message: Message,
  run: (message: Message) => Result,
): Result {
  if (!channel.hasSubscribers) return run(message);
  channel.start.publish(message);
  let result: Result;
  try {
    result = run(message);
  } catch (error) {
    channel.end.publish(message);
    fail(channel, message, error);
    settle(channel, message);
    throw error;
  }
  channel.end.publish(message);
  if (!(result instanceof Promise)) {
    settle(channel, message);
    return result;
  }
  return result
    .catch((error: unknown) => {
      fail(channel, message, error);
      throw error;
    })
    .finally(() => {
      settle(channel, message);
    }) as Result;
}

function fail<Message extends OperationMessage>(
  channel: TracingChannel<unknown, Message>,
  message: Message,
  error: unknown,
): void {
  message.error = error;
  channel.error.publish(message);
}

function settle<Message extends OperationMessage>(
  channel: TracingChannel<unknown, Message>,
  message: Message,
): void {
  channel.asyncStart.publish(message);
  channel.asyncEnd.publish(message);
}

import { ConfigError } from 'service-kit';
import { Client } from 'stytch';
import {
  type AccessTokenEvent,
  AccessTokenProvider,
  type AccessToken,
  ClientCredentials,
  FileSecretStore,
  keepRotating,
  MemorySecretStore,
  type RotationEvent,
  SecretRotation,
  type SecretStore,
  SecretStoreError,
  stytchConfig,
} from 'stytch-m2m';
import type { Config } from '../config';

/** The only scope of the M2M client payment-service. */
const walletScopes = ['read:users'];

/** What the payment-server needs of Stytch. */
export interface Stytch {
  client: Client;
  /** The M2M client payment-service. */
  clientId: string;
  /** An access token with scope `read:users`: cached, or new (RFC 6749 §4.4). `context` is the span of the caller. */
  getM2MAccessToken: (options?: { signal?: AbortSignal; context?: unknown }) => Promise<AccessToken>;
  /** Invalidates a token that the wallet-server rejected. */
  invalidateM2MAccessToken: (accessToken: string) => void;
  rotation: SecretRotation;
  /** When the client secret was last rotated, if known. */
  lastRotatedAt: () => Date | undefined;
  /** Whether a new secret outlives this process: it does with `CLIENT_SECRET_FILE`. */
  secretIsStored: boolean;
  /** Recovers interrupted rotations, and rotates on schedule if there is one. Neither if the secret is read-only. */
  start: () => void;
  stop: () => void;
}

export interface StytchEvents {
  onAccessToken: (event: AccessTokenEvent) => void;
  onRotation: (event: RotationEvent) => void;
  /** A later read of the secret, a scheduled rotation or a recovery failed. It is retried. */
  onSecretError: (error: unknown) => void;
}

/**
 * Creates the SDK's client, and with it the access tokens and the secret rotation of the M2M client payment-service.
 *
 * @throws ConfigError when the secret cannot be read.
 */
export async function createStytch(config: Config, events: StytchEvents): Promise<Stytch> {
  const client = new Client(
    stytchConfig({
      projectId: config.STYTCH_PROJECT_ID,
      secret: config.STYTCH_SECRET,
      baseUrl: config.STYTCH_BASE_URL,
    }),
  );
  const store =
    config.CLIENT_SECRET_FILE === undefined
      ? new MemorySecretStore(config.CLIENT_SECRET)
      : new FileSecretStore(config.CLIENT_SECRET_FILE, { readOnly: config.CLIENT_SECRET_READ_ONLY });
  const { credentials, stop: stopFollowing } = await followSecret(config.CLIENT_ID, store, events);
  const accessTokens = new AccessTokenProvider({ client, credentials, onEvent: events.onAccessToken });
  const rotation = new SecretRotation({
    client,
    clientId: config.CLIENT_ID,
    store,
    onEvent: events.onRotation,
  });
  const intervalMilliseconds = config.SECRET_ROTATION_INTERVAL;
  let stopRotating: (() => void) | undefined;
  return {
    client,
    clientId: config.CLIENT_ID,
    getM2MAccessToken: (options) => accessTokens.getAccessToken(walletScopes, options),
    invalidateM2MAccessToken: (accessToken) => {
      accessTokens.invalidate(accessToken);
    },
    rotation,
    lastRotatedAt: () => credentials.lastRotatedAt,
    secretIsStored: store.persistent,
    start: () => {
      if (config.CLIENT_SECRET_READ_ONLY) return;
      stopRotating = keepRotating({
        rotation,
        ...(intervalMilliseconds !== undefined && { intervalMilliseconds }),
        onFailure: events.onSecretError,
      });
    },
    stop: () => {
      stopRotating?.();
      stopFollowing();
    },
  };
}

async function followSecret(clientId: string, store: SecretStore, { onSecretError }: StytchEvents) {
  try {
    return await ClientCredentials.follow(clientId, store, onSecretError);
  } catch (error) {
    if (!(error instanceof SecretStoreError)) throw error;
    throw new ConfigError(`CLIENT_SECRET_FILE: ${error.message}`);
  }
}

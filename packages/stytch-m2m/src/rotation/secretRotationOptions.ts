import type { SecretStore } from '../stytch/secretStore';
import type { ClientSecretsOptions } from './clientSecrets';
import type { RotationEvent } from './rotationSteps';

export interface SecretRotationOptions extends ClientSecretsOptions {
  /** Where the secret is stored. `ClientCredentials.follow` uses the secret of the same store. */
  store: SecretStore;
  /**
   * How long until every process that follows the store has a new value. A rotation is completed only this long after
   * its next secret was stored. Milliseconds, default 0.
   */
  propagationMilliseconds?: number;
  onEvent?: (event: RotationEvent) => void;
}

/** The state of a rotation. No field contains a whole secret. */
export type RotationStatus = { lastRotatedAt: Date | undefined } & (
  | { status: 'none' }
  | { status: 'started'; startedAt: Date; secretLastFour: string; nextSecretLastFour: string }
);

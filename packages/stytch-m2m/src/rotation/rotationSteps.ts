import { isRefusal, StytchApiError } from '../stytch/callStytch';
import { type ClientSecrets, lastFour, type ShownSecrets } from './clientSecrets';
import { RotationConflictError, type SecretClaim, type StartedRotation } from './secretClaim';
import { SecretStoreConflictError, SecretStoreError, type StoredSecrets } from '../stytch/secretStore';

/** An event of a rotation, for metrics and logs. No event contains a secret. An operator's mistake is not `failed`. */
export type RotationEvent =
  { type: 'started' | 'completed' | 'cancelled' } | { type: 'failed'; error: unknown };

export type Ended = 'completed' | 'cancelled';

/** The steps of a rotation, for the process with the claim. Each throws as `SecretRotation` does. */
export class RotationSteps {
  readonly #claim: SecretClaim;
  readonly #stytch: ClientSecrets;
  readonly #emit: (event: RotationEvent) => void;

  constructor(claim: SecretClaim, stytch: ClientSecrets, emit: (event: RotationEvent) => void) {
    this.#claim = claim;
    this.#stytch = stytch;
    this.#emit = emit;
  }

  /** Updates the stored secrets to the state at Stytch, after a rotation was interrupted or ended elsewhere. */
  async reconcile(): Promise<Ended | undefined> {
    const claim = this.#claim;
    if (!claim.secrets.rotation) return undefined;
    const shown = await this.#stytch.show();
    if (claim.started) return this.#findOutcome(claim.started, shown);
    // Stytch has not started a rotation, or this process was restarted with the next secret alone.
    if (shown.next === undefined || shown.next === lastFour(claim.secrets.secret)) {
      await claim.write(withoutRotation(claim.secrets));
      return undefined;
    }
    // The answer to the start was lost, and the next secret with it.
    await this.#cancelUnknown(shown);
    return this.#end('cancelled', claim.secrets);
  }

  /** Drops a secret only when Stytch neither shows it nor accepts it. */
  async #findOutcome({ nextSecret }: StartedRotation, shown: ShownSecrets): Promise<Ended | undefined> {
    if (shown.next === lastFour(nextSecret)) return undefined;
    if (await this.#stytch.works(nextSecret)) {
      // If Stytch shows this one as the secret, the rotation is completed. Otherwise its answer was out of date.
      return shown.secret === lastFour(nextSecret)
        ? this.#end('completed', completedWith(nextSecret))
        : undefined;
    }
    const { secrets } = this.#claim;
    if (await this.#stytch.works(secrets.secret)) return this.#end('cancelled', secrets);
    throw new RotationConflictError('Stytch accepts neither of the two secrets: is the client active?');
  }

  /** Starts a rotation, and stores its next secret. */
  async start(automatic: boolean): Promise<string> {
    const claim = this.#claim;
    await claim.update({ automatic });
    const nextSecret = await this.#startAtStytch();
    try {
      await claim.update({ nextSecret, startedAt: new Date() });
    } catch (error) {
      // After a conflict, another process has the claim and cancels the rotation.
      if (!(error instanceof SecretStoreConflictError)) await this.#stytch.cancel();
      throw error;
    }
    this.#emit({ type: 'started' });
    return nextSecret;
  }

  async #startAtStytch(): Promise<string> {
    try {
      return await this.#stytch.start();
    } catch (error) {
      if (!isRefusal(error, 'm2m_client_already_rotating_secret')) throw error;
      const shown = await this.#stytch.show();
      if (shown.next === lastFour(this.#claim.secrets.secret)) throw rotationInProgress();
      await this.#cancelUnknown(shown);
      return this.#stytch.start();
    }
  }

  /** Completes the rotation at Stytch, once Stytch has issued a token for the next secret, and stores the outcome. */
  async complete(nextSecret: string): Promise<void> {
    const { automatic = false, cancelling = false } = this.#claim.secrets.rotation ?? {};
    if (cancelling) await this.#claim.update({ cancelling: false });
    else await this.#claim.confirm();
    if (!(await this.#stytch.works(nextSecret))) {
      const whatNow = automatic ? 'the rotation was cancelled' : 'cancel the rotation';
      const conflict = new RotationConflictError(`Stytch does not accept the next secret: ${whatNow}`);
      if (automatic) {
        this.#emit({ type: 'failed', error: conflict });
        await this.cancel();
      }
      throw conflict;
    }
    await this.#claim.confirm();
    await this.#stytch.complete(nextSecret);
    await this.#end('completed', completedWith(nextSecret));
  }

  /** Completes a rotation after a restart with only the next secret, as in the article. */
  async completeUnknown(): Promise<void> {
    const { secret } = this.#claim.secrets;
    const shown = await this.#stytch.show();
    if (shown.next === undefined) throw notRotating(shown);
    if (shown.next !== lastFour(secret) || shown.secret === lastFour(secret)) {
      throw new RotationConflictError(
        'This server does not have the next secret, and completing would revoke the secret that it has: cancel the rotation, or restart with the next secret',
      );
    }
    await this.complete(secret);
  }

  /** Cancels the rotation at Stytch, once Stytch has issued a token for the other secret, and stores the outcome. */
  async cancel(): Promise<void> {
    const claim = this.#claim;
    await claim.update({ cancelling: true }); // The old secret is used again while both work.
    if (!(await this.#stytch.works(claim.secrets.secret))) {
      throw new RotationConflictError(
        'Stytch does not accept the secret that would remain: is the client active?',
      );
    }
    await claim.confirm();
    await this.#stytch.cancel();
    await this.#end('cancelled', claim.secrets);
  }

  /** Cancels a rotation whose next secret this process does not have. */
  async cancelUnknown(): Promise<void> {
    await this.#cancelUnknown(await this.#stytch.show());
    await this.#end('cancelled', this.#claim.secrets);
  }

  /** Cancels only if that revokes an unknown next secret, and not the secret in use. */
  async #cancelUnknown(shown: ShownSecrets): Promise<void> {
    const known = lastFour(this.#claim.secrets.secret);
    if (shown.next === undefined) throw notRotating(shown);
    if (shown.next === known) {
      throw new RotationConflictError(
        'This server has only the next secret, and cancelling would revoke it: complete the rotation, or restart with the old secret',
      );
    }
    if (shown.secret !== known) {
      throw new RotationConflictError(
        'Stytch shows other secrets than the one that this server has: nothing was changed',
      );
    }
    await this.#claim.confirm();
    await this.#stytch.cancel();
  }

  async #end(ended: Ended, secrets: StoredSecrets): Promise<Ended> {
    await this.#claim.write(withoutRotation(secrets));
    this.#emit({ type: ended });
    return ended;
  }
}

/** Whether Stytch may have processed the call although it failed. */
export function isUncertain(error: unknown): boolean {
  if (error instanceof StytchApiError) return error.transient;
  return !(error instanceof RotationConflictError || error instanceof SecretStoreError);
}

/** Whether the operator asked for an impossible step: nothing has failed. */
export function isMistake(error: unknown): boolean {
  return (
    error instanceof RotationConflictError ||
    isRefusal(error, 'm2m_client_already_rotating_secret') ||
    isRefusal(error, 'm2m_client_not_rotating_secret')
  );
}

/** The milliseconds until every process has the next secret, also if the clock was set back since it was stored. */
export function timeToWait({ startedAt }: StartedRotation, propagationMilliseconds: number): number {
  const remaining = startedAt.getTime() + propagationMilliseconds - Date.now();
  return Math.min(Math.max(remaining, 0), propagationMilliseconds);
}

export function tooEarly(seconds: number): RotationConflictError {
  const message = `Some processes may not have the next secret yet: complete in ${seconds} s`;
  return new RotationConflictError(message);
}

export function rotationInProgress(): RotationConflictError {
  return new RotationConflictError('A rotation is under way: complete or cancel it first');
}

/** The error that Stytch would return. Stytch is not called, because the call could revoke the secret in use. */
function notRotating({ requestId }: ShownSecrets): StytchApiError {
  const message = 'No secret rotation of this M2M client is under way.';
  return new StytchApiError(400, 'm2m_client_not_rotating_secret', message, requestId, undefined);
}

function completedWith(secret: string): StoredSecrets {
  return { secret, lastRotatedAt: new Date() };
}

function withoutRotation({ secret, lastRotatedAt }: StoredSecrets): StoredSecrets {
  return { secret, ...(lastRotatedAt && { lastRotatedAt }) };
}

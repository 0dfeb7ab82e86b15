import { isRefusal } from '../stytch/callStytch';
import { ClientSecrets, type ClientSecretsOptions, lastFour } from './clientSecrets';
import { isUncertain, type RotationEvent, RotationSteps, underWay } from './rotationSteps';
import { RotationConflictError, type SecretClaim, SecretClaims } from './secretClaim';
import { type SecretStore, SecretStoreConflictError } from '../stytch/secretStore';

export interface SecretRotationOptions extends ClientSecretsOptions {
  /** Where the secret is stored. Whoever uses it follows the store. */
  store: SecretStore;
  onEvent?: (event: RotationEvent) => void;
}

/** How a rotation stands. No field holds a secret. */
export type RotationStatus = { lastRotatedAt: Date | undefined } & (
  | { status: 'none' }
  | { status: 'started'; startedAt: Date; secretLastFour: string; nextSecretLastFour: string }
);

/**
 * Rotates the secret of an M2M client while it is in use, so that no step, and no end of the process between
 * two, costs it its access.
 *
 * That is a matter of order. What is about to be done is stored before Stytch is asked to do it; the next secret
 * is stored before anything relies on it, and has got a token before the old one ends; both are stored until one
 * has ended for certain. Whatever a restart finds, `recover` can tell what has happened. What Stytch shows is
 * checked by a token before a secret is given up for it.
 */
export class SecretRotation {
  readonly #store: SecretStore;
  readonly #claims: SecretClaims;
  readonly #stytch: ClientSecrets;
  readonly #onEvent: SecretRotationOptions['onEvent'];
  #atWork = false;

  constructor(options: SecretRotationOptions) {
    this.#store = options.store;
    this.#claims = new SecretClaims(options.store);
    this.#stytch = new ClientSecrets(options);
    this.#onEvent = options.onEvent;
  }

  /** @throws SecretStoreError */
  async status(): Promise<RotationStatus> {
    const { secret, rotation, lastRotatedAt } = (await this.#store.read()).secrets;
    if (rotation?.nextSecret === undefined) return { status: 'none', lastRotatedAt };
    return {
      status: 'started',
      startedAt: rotation.startedAt,
      secretLastFour: lastFour(secret),
      nextSecretLastFour: lastFour(rotation.nextSecret),
      lastRotatedAt,
    };
  }

  /**
   * Starts a rotation: both secrets work, and from now on the next one is used. A rotation of which nobody here
   * knows the next secret is cancelled first.
   *
   * @returns the next secret.
   * @throws RotationConflictError when a rotation is under way, or at work.
   * @throws SecretStoreError before anything has been changed.
   * @throws StytchApiError
   * @throws StytchUnavailableError
   */
  start(): Promise<string> {
    return this.#exclusively(async (steps, claim) => {
      await steps.reconcile();
      if (claim.started) throw underWay();
      return steps.start(false);
    });
  }

  /**
   * Completes a rotation, once the next secret has got a token: the old one stops working.
   *
   * @throws RotationConflictError when the next secret is not known here, or not accepted.
   * @throws SecretStoreError
   * @throws StytchApiError, among others when no rotation is under way.
   * @throws StytchUnavailableError
   */
  complete(): Promise<void> {
    return this.#exclusively(async (steps, claim) => {
      if ((await steps.reconcile()) === 'completed') return; // An earlier try came through, its answer was lost.
      if (claim.started) await steps.complete(claim.started.nextSecret);
      else await steps.completeUnknown();
    });
  }

  /**
   * Cancels a rotation: the next secret stops working, and the one before is used again.
   *
   * @throws RotationConflictError when the next secret is the only one that is known here.
   * @throws SecretStoreError
   * @throws StytchApiError, among others when no rotation is under way.
   * @throws StytchUnavailableError
   */
  cancel(): Promise<void> {
    return this.#exclusively(async (steps, claim) => {
      // An earlier try came through, or a start of which nobody got the answer.
      if ((await steps.reconcile()) === 'cancelled') return;
      await (claim.started ? steps.cancel() : steps.cancelUnknown());
    });
  }

  /**
   * Rotates from beginning to end: starts, stores the next secret, has it get a token, completes. Goes on with
   * one that was cut off. When the next secret is not accepted, cancels.
   *
   * @returns the new secret.
   * @throws RotationConflictError when a rotation is at work, one was started by hand, or the next secret was not accepted.
   * @throws SecretStoreError
   * @throws StytchApiError
   * @throws StytchUnavailableError in which case a further call, or `recover`, brings it to its end.
   */
  rotate(): Promise<string> {
    return this.#exclusively(async (steps, claim) => {
      if ((await steps.reconcile()) === 'completed') return claim.secrets.secret;
      if (claim.started && claim.started.automatic !== true) throw underWay();
      const nextSecret = claim.started?.nextSecret ?? (await steps.start(true));
      await steps.complete(nextSecret);
      return nextSecret;
    });
  }

  /**
   * After a restart: finishes what `rotate` had begun and cancels a start whose answer was lost. A rotation that
   * was started by hand and not completed goes on, and so does one that another process works on.
   *
   * @throws SecretStoreError
   * @throws StytchApiError
   * @throws StytchUnavailableError
   */
  async recover(): Promise<void> {
    if (!(await this.#store.read()).secrets.rotation) return; // Also where nothing can be written.
    try {
      await this.#exclusively(async (steps, claim) => {
        await steps.reconcile();
        if (claim.started?.automatic === true) await steps.complete(claim.started.nextSecret);
      });
    } catch (error) {
      if (!(error instanceof RotationAtWork)) throw error;
    }
  }

  /** One at a time, in this process and among those that share the store. */
  async #exclusively<Result>(work: Work<Result>): Promise<Result> {
    if (this.#atWork) throw new RotationAtWork();
    this.#atWork = true;
    try {
      const claim = await this.#claims.open();
      if (!claim) throw new RotationAtWork();
      return await this.#claimed(claim, work);
    } catch (error) {
      if (!isMistake(error)) this.#emit({ type: 'failed', error });
      throw error;
    } finally {
      this.#atWork = false;
    }
  }

  async #claimed<Result>(claim: SecretClaim, work: Work<Result>): Promise<Result> {
    const steps = new RotationSteps(claim, this.#stytch, (event) => {
      this.#emit(event);
    });
    try {
      const result = await work(steps, claim);
      await claim.release(false);
      return result;
    } catch (error) {
      await claim.release(isUncertain(error));
      throw error instanceof SecretStoreConflictError ? new RotationAtWork() : error;
    }
  }

  #emit(event: RotationEvent): void {
    try {
      this.#onEvent?.(event);
    } catch {
      // A hook that fails is no reason to leave a rotation half done.
    }
  }
}

/** Whether nothing failed but what was asked for cannot be. */
function isMistake(error: unknown): boolean {
  return (
    error instanceof RotationConflictError ||
    isRefusal(error, 'm2m_client_already_rotating_secret') ||
    isRefusal(error, 'm2m_client_not_rotating_secret')
  );
}

type Work<Result> = (steps: RotationSteps, claim: SecretClaim) => Promise<Result>;

class RotationAtWork extends RotationConflictError {
  constructor() {
    super('A rotation is at work: try again when it has ended');
  }
}

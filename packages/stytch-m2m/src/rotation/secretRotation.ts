import { isRefusal } from '../stytch/callStytch';
import { ClientSecrets, type ClientSecretsOptions, lastFour } from './clientSecrets';
import { isUncertain, type RotationEvent, RotationSteps, rotationInProgress } from './rotationSteps';
import { RotationConflictError, type SecretClaim, SecretClaims } from './secretClaim';
import { type SecretStore, SecretStoreConflictError } from '../stytch/secretStore';
import { channels, type RotationMessage, traced } from '../tracing';

export interface SecretRotationOptions extends ClientSecretsOptions {
  /** Where the secret is stored. `ClientCredentials.follow` uses the secret of the same store. */
  store: SecretStore;
  onEvent?: (event: RotationEvent) => void;
}

/** The state of a rotation. No field contains a whole secret. */
export type RotationStatus = { lastRotatedAt: Date | undefined } & (
  | { status: 'none' }
  | { status: 'started'; startedAt: Date; secretLastFour: string; nextSecretLastFour: string }
);

/**
 * Rotates the secret of an M2M client while it is in use. The client never loses its access, even when the process
 * ends between two steps.
 *
 * The option `context` of each method is any value: subscribers of the tracing channels get it.
 *
 * The order of the steps makes this safe. Each step is stored before Stytch is asked for it. The next secret is
 * stored before it is used. The old secret is revoked only after Stytch has issued a token for the next one. Both
 * secrets stay stored until one is certainly revoked. So `recover` can finish after any interruption.
 *
 * @example
 * import { Client } from 'stytch';
 * import { MemorySecretStore, SecretRotation, stytchConfig } from 'stytch-m2m';
 *
 * const { STYTCH_PROJECT_ID = '', STYTCH_SECRET = '', STYTCH_BASE_URL } = process.env;
 * const { CLIENT_ID = '', CLIENT_SECRET = '' } = process.env;
 * const client = new Client(
 *   stytchConfig({ projectId: STYTCH_PROJECT_ID, secret: STYTCH_SECRET, baseUrl: STYTCH_BASE_URL }),
 * );
 * const store = new MemorySecretStore(CLIENT_SECRET);
 * const rotation = new SecretRotation({ client, clientId: CLIENT_ID, store });
 *
 * rotation
 *   .start() // Both secrets work now.
 *   .then(() => rotation.cancel())
 *   .then(() => rotation.status())
 *   .then(({ status }) => console.log(status)); // none
 */
export class SecretRotation {
  readonly #store: SecretStore;
  readonly #claims: SecretClaims;
  readonly #options: SecretRotationOptions;
  #running = false;

  constructor(options: SecretRotationOptions) {
    this.#store = options.store;
    this.#claims = new SecretClaims(options.store);
    this.#options = options;
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
   * Starts a rotation: both secrets work, and the next one is used from now on. A rotation whose next secret is
   * unknown is cancelled first.
   *
   * @returns the next secret.
   * @throws RotationConflictError when a rotation is in progress, or another process works on one.
   * @throws SecretStoreError before anything was changed.
   * @throws StytchApiError
   * @throws StytchUnavailableError
   */
  start({ context }: { context?: unknown } = {}): Promise<string> {
    return this.#exclusively('start', context, async (steps, claim) => {
      await steps.reconcile();
      if (claim.started) throw rotationInProgress();
      return steps.start(false);
    });
  }

  /**
   * Completes a rotation, once Stytch has issued a token for the next secret: the old secret stops working.
   *
   * @throws RotationConflictError when the next secret is unknown or not accepted.
   * @throws SecretStoreError
   * @throws StytchApiError, also when no rotation is in progress.
   * @throws StytchUnavailableError
   */
  complete({ context }: { context?: unknown } = {}): Promise<void> {
    return this.#exclusively('complete', context, async (steps, claim) => {
      if ((await steps.reconcile()) === 'completed') return; // An earlier try succeeded, and its answer was lost.
      if (claim.started) await steps.complete(claim.started.nextSecret);
      else await steps.completeUnknown();
    });
  }

  /**
   * Cancels a rotation: the next secret stops working, and the old one is used again.
   *
   * @throws RotationConflictError when only the next secret is known.
   * @throws SecretStoreError
   * @throws StytchApiError, also when no rotation is in progress.
   * @throws StytchUnavailableError
   */
  cancel({ context }: { context?: unknown } = {}): Promise<void> {
    return this.#exclusively('cancel', context, async (steps, claim) => {
      // An earlier try succeeded and its answer was lost, or the answer to a start was lost.
      if ((await steps.reconcile()) === 'cancelled') return;
      await (claim.started ? steps.cancel() : steps.cancelUnknown());
    });
  }

  /**
   * Runs a whole rotation: starts it, stores the next secret, gets a token with it, completes. Continues an interrupted
   * rotation. Cancels when the next secret is not accepted.
   *
   * @returns the new secret.
   * @throws RotationConflictError when another rotation is in progress, or the next secret was not accepted.
   * @throws SecretStoreError
   * @throws StytchApiError
   * @throws StytchUnavailableError Call `rotate` or `recover` later to finish the rotation.
   */
  rotate({ context }: { context?: unknown } = {}): Promise<string> {
    return this.#exclusively('rotate', context, async (steps, claim) => {
      if ((await steps.reconcile()) === 'completed') return claim.secrets.secret;
      if (claim.started && claim.started.automatic !== true) throw rotationInProgress();
      const nextSecret = claim.started?.nextSecret ?? (await steps.start(true));
      await steps.complete(nextSecret);
      return nextSecret;
    });
  }

  /**
   * Recovers after a restart: finishes an interrupted `rotate`, and cancels a start whose answer was lost. A rotation
   * that an operator started stays in progress, and so does one that another process works on.
   *
   * @throws SecretStoreError
   * @throws StytchApiError
   * @throws StytchUnavailableError
   */
  async recover({ context }: { context?: unknown } = {}): Promise<void> {
    if (!(await this.#store.read()).secrets.rotation) return; // Works with a read-only store, too.
    try {
      await this.#exclusively('recover', context, async (steps, claim) => {
        await steps.reconcile();
        if (claim.started?.automatic === true) await steps.complete(claim.started.nextSecret);
      });
    } catch (error) {
      if (!(error instanceof RotationRunningError)) throw error;
    }
  }

  /** Runs one piece of work at a time, in this process and among the processes that share the store. */
  #exclusively<Result>(
    operation: RotationMessage['operation'],
    context: unknown,
    work: Work<Result>,
  ): Promise<Result> {
    return traced(channels.rotation, { operation, context }, (message) => this.#run(work, message.context));
  }

  async #run<Result>(work: Work<Result>, context: unknown): Promise<Result> {
    if (this.#running) throw new RotationRunningError();
    this.#running = true;
    try {
      const claim = await this.#claims.open();
      if (!claim) throw new RotationRunningError();
      return await this.#claimed(claim, work, new ClientSecrets(this.#options, context));
    } catch (error) {
      if (!isMistake(error)) this.#emit({ type: 'failed', error });
      throw error;
    } finally {
      this.#running = false;
    }
  }

  async #claimed<Result>(claim: SecretClaim, work: Work<Result>, stytch: ClientSecrets): Promise<Result> {
    const steps = new RotationSteps(claim, stytch, (event) => {
      this.#emit(event);
    });
    try {
      const result = await work(steps, claim);
      await claim.release(false);
      return result;
    } catch (error) {
      await claim.release(isUncertain(error));
      throw error instanceof SecretStoreConflictError ? new RotationRunningError() : error;
    }
  }

  #emit(event: RotationEvent): void {
    try {
      this.#options.onEvent?.(event);
    } catch {
      // A failing hook must not interrupt a rotation.
    }
  }
}

/** Whether the operator asked for an impossible step: nothing has failed. */
function isMistake(error: unknown): boolean {
  return (
    error instanceof RotationConflictError ||
    isRefusal(error, 'm2m_client_already_rotating_secret') ||
    isRefusal(error, 'm2m_client_not_rotating_secret')
  );
}

type Work<Result> = (steps: RotationSteps, claim: SecretClaim) => Promise<Result>;

class RotationRunningError extends RotationConflictError {
  constructor() {
    super('A rotation is running: try again when it has ended');
  }
}

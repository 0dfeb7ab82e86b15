import { waitUnlessAborted } from '../stytch/backOff';
import { ClientSecrets, lastFour } from './clientSecrets';
import {
  isMistake,
  isUncertain,
  type RotationEvent,
  RotationSteps,
  rotationInProgress,
  timeToWait,
  tooEarly,
} from './rotationSteps';
import { RotationConflictError, RotationRunningError, type SecretClaim, SecretClaims } from './secretClaim';
import type { RotationStatus, SecretRotationOptions } from './secretRotationOptions';
import { type SecretStore, SecretStoreConflictError, SecretStoreReadOnlyError } from '../stytch/secretStore';
import { channels, type RotationMessage, traced } from '../tracing';

/**
 * Rotates the secret of an M2M client while it is in use. The client never loses its access, even when the process
 * ends between two steps.
 *
 * The option `context` of each method is any value: subscribers of the tracing channels get it.
 *
 * The order of the steps makes this safe. A start and a cancellation are stored before Stytch is asked for them. The
 * next secret is stored before it is used. The old secret is revoked only after Stytch has issued a token for the next one. Both
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
  readonly #propagationMilliseconds: number;
  #running = false;

  constructor(options: SecretRotationOptions) {
    this.#store = options.store;
    this.#claims = new SecretClaims(options.store);
    this.#options = options;
    this.#propagationMilliseconds = options.propagationMilliseconds ?? 0;
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
   * @throws SecretStoreError A start that cannot be stored is not made, or cancelled at Stytch.
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
   * @throws RotationConflictError when the next secret is unknown or not accepted, or when some processes may not have
   *   it yet.
   * @throws SecretStoreError
   * @throws StytchApiError, also when no rotation is in progress.
   * @throws StytchUnavailableError
   */
  complete({ context }: { context?: unknown } = {}): Promise<void> {
    return this.#exclusively('complete', context, async (steps, claim) => {
      if ((await steps.reconcile()) === 'completed') return; // An earlier try succeeded, and its answer was lost.
      if (!claim.started) return steps.completeUnknown();
      const seconds = Math.ceil(timeToWait(claim.started, this.#propagationMilliseconds) / 1_000);
      if (seconds > 0) throw tooEarly(seconds);
      return steps.complete(claim.started.nextSecret);
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
   * Runs a whole rotation: starts it, stores the next secret, waits until every process has it, gets a token with it,
   * completes. Continues an interrupted rotation. Cancels when the next secret is not accepted.
   *
   * @param options.signal aborts only the wait: `rotate` or `recover` completes the rotation later.
   * @returns the new secret.
   * @throws RotationRunningError when another process works on the secret.
   * @throws RotationConflictError when another rotation is in progress, or the next secret was not accepted.
   * @throws SecretStoreError
   * @throws StytchApiError
   * @throws StytchUnavailableError Call `rotate` or `recover` later to finish the rotation.
   * @throws the signal's reason.
   */
  async rotate(options: { signal?: AbortSignal; context?: unknown } = {}): Promise<string> {
    let stored: string | undefined;
    for (;;) {
      // The claim is released for the wait, so that the rotation of a killed process can be continued at once.
      const { nextSecret, milliseconds } = await this.#exclusively(
        'rotate',
        options.context,
        (steps, claim) => this.#advance(steps, claim, stored),
      );
      if (milliseconds === 0) return nextSecret;
      stored = nextSecret;
      await waitUnlessAborted(milliseconds, options.signal);
    }
  }

  /**
   * @param stored the next secret that an earlier call has stored.
   * @returns how long to wait before the rest. 0 when the rotation is completed.
   */
  async #advance(steps: RotationSteps, claim: SecretClaim, stored: string | undefined) {
    const isCompleted = (await steps.reconcile()) === 'completed';
    if (isCompleted || (!claim.started && claim.secrets.secret === stored)) {
      return { nextSecret: claim.secrets.secret, milliseconds: 0 };
    }
    if (stored !== undefined && claim.started?.nextSecret !== stored) {
      throw new RotationConflictError('Another process has ended the rotation: look at its outcome');
    }
    if (claim.started && claim.started.automatic !== true) throw rotationInProgress();
    const nextSecret = claim.started?.nextSecret ?? (await steps.start(true));
    // A call that has waited does not wait again, whatever the clock says.
    const milliseconds =
      claim.started && !stored ? timeToWait(claim.started, this.#propagationMilliseconds) : 0;
    if (milliseconds === 0) await steps.complete(nextSecret);
    return { nextSecret, milliseconds };
  }

  /**
   * Recovers after a restart: finishes an interrupted `rotate`, and cancels a start whose answer was lost. A rotation
   * that an operator started stays in progress, and so does one that another process works on, or whose next secret
   * some processes may not have yet.
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
        if (claim.started?.automatic !== true || timeToWait(claim.started, this.#propagationMilliseconds) > 0)
          return;
        await steps.complete(claim.started.nextSecret);
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
    if (this.#store.readOnly === true) throw new SecretStoreReadOnlyError();
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

type Work<Result> = (steps: RotationSteps, claim: SecretClaim) => Promise<Result>;

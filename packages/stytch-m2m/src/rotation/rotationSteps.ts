import { isRefusal, StytchApiError } from '../stytch/callStytch';
import { type ClientSecrets, lastFour, type ShownSecrets } from './clientSecrets';
import { RotationConflictError, type SecretClaim, type StartedRotation } from './secretClaim';
import { SecretStoreConflictError, SecretStoreError, type StoredSecrets } from '../stytch/secretStore';

/** What happens to a rotation, for metrics and logs. No event holds a secret. `failed` is not for operator's mistakes. */
export type RotationEvent =
  { type: 'started' | 'completed' | 'cancelled' } | { type: 'failed'; error: unknown };

export type Ended = 'completed' | 'cancelled';

/** The steps of a rotation, for a process that has a claim to the stored secrets. Each throws as `SecretRotation` does. */
export class RotationSteps {
  readonly #claim: SecretClaim;
  readonly #stytch: ClientSecrets;
  readonly #emit: (event: RotationEvent) => void;

  constructor(claim: SecretClaim, stytch: ClientSecrets, emit: (event: RotationEvent) => void) {
    this.#claim = claim;
    this.#stytch = stytch;
    this.#emit = emit;
  }

  /** Brings what is stored in line with what has become of a rotation at Stytch that was cut off, or ended elsewhere. */
  async reconcile(): Promise<Ended | undefined> {
    const claim = this.#claim;
    if (!claim.secrets.rotation) return undefined;
    const shown = await this.#stytch.show();
    if (claim.started) return this.#findOut(claim.started, shown);
    // It has not begun; or the secret is the next one there, as after a restart with that alone.
    if (shown.next === undefined || shown.next === lastFour(claim.secrets.secret)) {
      await claim.write(withoutRotation(claim.secrets));
      return undefined;
    }
    // A start of which nobody got the answer: its next secret is lost.
    await this.#cancelUnknown(shown);
    return this.#end('cancelled', claim.secrets);
  }

  /** Gives up a secret only where Stytch no longer shows it, and no longer accepts it. */
  async #findOut({ nextSecret }: StartedRotation, shown: ShownSecrets): Promise<Ended | undefined> {
    if (shown.next === lastFour(nextSecret)) return undefined;
    if (await this.#stytch.works(nextSecret)) {
      // What Stytch showed is out of date, unless it shows this one as the secret.
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
    await claim.hold({ automatic });
    const nextSecret = await this.#startAtStytch();
    try {
      await claim.hold({ nextSecret });
    } catch (error) {
      // Where another process has taken over, cancelling is its affair.
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
      if (shown.next === lastFour(this.#claim.secrets.secret)) throw underWay();
      await this.#cancelUnknown(shown);
      return this.#stytch.start();
    }
  }

  /** Completes at Stytch, once the next secret has got a token, and stores the outcome. */
  async complete(nextSecret: string): Promise<void> {
    const { automatic = false, cancelling = false } = this.#claim.secrets.rotation ?? {};
    await this.#claim.hold(cancelling ? { cancelling: false } : {});
    if (!(await this.#stytch.works(nextSecret))) {
      const whatNow = automatic ? 'the rotation was cancelled' : 'cancel the rotation';
      const conflict = new RotationConflictError(`Stytch does not accept the next secret: ${whatNow}`);
      if (automatic) {
        this.#emit({ type: 'failed', error: conflict });
        await this.cancel();
      }
      throw conflict;
    }
    await this.#claim.hold();
    await this.#stytch.complete(nextSecret);
    await this.#end('completed', completedWith(nextSecret));
  }

  /** For a restart with the next secret as the only one, as in the article; or there is no rotation. */
  async completeUnknown(): Promise<void> {
    const { secret } = this.#claim.secrets;
    const shown = await this.#stytch.show();
    if (shown.next === undefined) throw notRotating(shown);
    if (shown.next !== lastFour(secret) || shown.secret === lastFour(secret)) {
      throw new RotationConflictError(
        'The next secret is not known here, and completing would end the one that is: cancel the rotation, or restart with the next secret',
      );
    }
    await this.complete(secret);
  }

  /** Cancels at Stytch, once the secret that is left has got a token, and stores the outcome. */
  async cancel(): Promise<void> {
    const claim = this.#claim;
    await claim.hold({ cancelling: true }); // The secret that is left is used again while both work.
    if (!(await this.#stytch.works(claim.secrets.secret))) {
      throw new RotationConflictError(
        'Stytch does not accept the secret that would be left: is the client active?',
      );
    }
    await claim.hold();
    await this.#stytch.cancel();
    await this.#end('cancelled', claim.secrets);
  }

  /** For a rotation of which nobody here knows the next secret; or there is none. */
  async cancelUnknown(): Promise<void> {
    await this.#cancelUnknown(await this.#stytch.show());
    await this.#end('cancelled', this.#claim.secrets);
  }

  /** Makes sure that cancelling ends a next secret that nobody here knows, and not the one in use. */
  async #cancelUnknown(shown: ShownSecrets): Promise<void> {
    const known = lastFour(this.#claim.secrets.secret);
    if (shown.next === undefined) throw notRotating(shown);
    if (shown.next === known) {
      throw new RotationConflictError(
        'Only the next secret is known here, and cancelling would end it: complete the rotation, or restart with the old secret',
      );
    }
    if (shown.secret !== known) {
      throw new RotationConflictError(
        'Stytch shows other secrets than the one that is known here: nothing is changed',
      );
    }
    await this.#claim.hold();
    await this.#stytch.cancel();
  }

  async #end(ended: Ended, secrets: StoredSecrets): Promise<Ended> {
    await this.#claim.write(withoutRotation(secrets));
    this.#emit({ type: ended });
    return ended;
  }
}

/** Whether Stytch may have done what was asked all the same. */
export function isUncertain(error: unknown): boolean {
  if (error instanceof StytchApiError) return error.transient;
  return !(error instanceof RotationConflictError || error instanceof SecretStoreError);
}

export function underWay(): RotationConflictError {
  return new RotationConflictError('A rotation is under way: complete or cancel it first');
}

/** What Stytch would say, which is not asked: were it wrong about that, it would end the secret in use. */
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

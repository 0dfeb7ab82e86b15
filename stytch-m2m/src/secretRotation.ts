import { isRefusal, StytchRefused, StytchUnreachable } from './callStytch';
import { ClientSecrets, type ClientSecretsOptions } from './clientSecrets';
import type { ClientCredentials } from './credentials';
import { SecretInMemory, type SecretStore, type StoredSecrets } from './secretStore';

/** The rotation cannot go on as asked, and nothing has been changed; the message says what to do. */
export class RotationConflict extends Error {
  override readonly name = 'RotationConflict';
}

export interface SecretRotationOptions extends ClientSecretsOptions {
  credentials: ClientCredentials;
  /** Where the secret is kept. Default: in memory, for as long as the process lives. */
  store?: SecretStore;
  onEvent?: (event: RotationEvent) => void;
}

/** What happens to a rotation, for metrics and logs. No event holds a secret. `failed` is not for operator's mistakes. */
export type RotationEvent =
  { type: 'started' | 'completed' | 'cancelled' } | { type: 'failed'; error: unknown };

/** How a rotation stands. No field holds a secret. */
export type RotationStatus = { lastRotatedAt: Date | undefined } & (
  | { status: 'none' }
  | { status: 'started'; startedAt: Date; secretLastFour: string; nextSecretLastFour: string }
);

/**
 * Rotates the secret of an M2M client while it is in use, so that no step, and no end of the process between
 * two, costs it its access.
 *
 * That is a matter of order. What is about to be done is stored before Stytch is asked to do it; the next
 * secret is stored before anything relies on it, and proved before the old one ends; both are known until
 * Stytch has ended one. Whatever is found at a restart, `recover` can tell what has happened.
 */
export class SecretRotation {
  readonly #options: SecretRotationOptions;
  readonly #store: SecretStore;
  readonly #stytch: ClientSecrets;
  #atWork = false;

  constructor(options: SecretRotationOptions) {
    this.#options = options;
    this.#store = options.store ?? new SecretInMemory(options.credentials.secret);
    this.#stytch = new ClientSecrets(options.credentials.clientId, options);
  }

  /** @throws SecretStoreError */
  async status(): Promise<RotationStatus> {
    const { secret, nextSecret, rotationStartedAt, lastRotatedAt } = await this.#store.read();
    if (!rotationStartedAt || nextSecret === undefined) return { status: 'none', lastRotatedAt };
    return {
      status: 'started',
      startedAt: rotationStartedAt,
      secretLastFour: lastFour(secret),
      nextSecretLastFour: lastFour(nextSecret),
      lastRotatedAt,
    };
  }

  /**
   * Starts a rotation: both secrets work, and from now on the credentials use the next one. A rotation
   * of which nobody here knows the next secret is cancelled first.
   *
   * @returns the next secret.
   * @throws RotationConflict when a rotation is under way, or at work.
   * @throws SecretStoreError before anything has been changed.
   * @throws StytchRefused
   * @throws StytchUnreachable
   */
  start(): Promise<string> {
    return this.#exclusively(async () => {
      const { stored } = await this.#settle();
      if (isUnderWay(stored)) throw underWay();
      return (await this.#begin(stored, false)).nextSecret;
    });
  }

  /**
   * Completes a rotation, once the next secret has proved to get a token: the old one stops working.
   *
   * @throws RotationConflict when the next secret is not known here, or not accepted.
   * @throws SecretStoreError
   * @throws StytchRefused, among others when no rotation is under way.
   * @throws StytchUnreachable
   */
  complete(): Promise<void> {
    return this.#exclusively(async () => {
      const { stored, ended } = await this.#settle();
      if (ended === 'completed') return; // An earlier try came through, its answer was lost.
      if (isUnderWay(stored)) {
        await this.#finish(stored);
        return;
      }
      const { next } = await this.#stytch.show();
      if (next && next !== lastFour(stored.secret)) {
        throw new RotationConflict(
          'The next secret is not known here, and completing would end the one that is: cancel the rotation, or restart with the next secret',
        );
      }
      // Restarted with the next secret as its only one, as the article has it; or not rotating, as Stytch will say.
      if (next) await this.#prove(stored.secret, 'cancel the rotation');
      await this.#stytch.complete();
      await this.#end('completed', completedWith(stored.secret));
    });
  }

  /**
   * Cancels a rotation: the next secret stops working, and the credentials go back to the one before.
   *
   * @throws RotationConflict when the next secret is the only one that is known here.
   * @throws SecretStoreError
   * @throws StytchRefused, among others when no rotation is under way.
   * @throws StytchUnreachable
   */
  cancel(): Promise<void> {
    return this.#exclusively(async () => {
      const { stored, ended } = await this.#settle();
      if (ended === 'cancelled') return; // An earlier try came through, or a start of which nobody got the answer.
      const { next } = await this.#stytch.show();
      if (!isUnderWay(stored) && next && next === lastFour(stored.secret)) {
        throw new RotationConflict(
          'Only the next secret is known here, and cancelling would end it: complete the rotation, or restart with the old secret',
        );
      }
      await this.#cancel(stored);
    });
  }

  /**
   * Rotates from beginning to end: starts, stores the next secret, proves that it gets a token, completes.
   * Goes on with one that was cut off. When the next secret is not accepted, cancels.
   *
   * @returns the new secret.
   * @throws RotationConflict when a rotation is at work, one was started by hand, or the next secret was not accepted.
   * @throws SecretStoreError
   * @throws StytchRefused
   * @throws StytchUnreachable in which case a further call, or `recover`, brings it to its end.
   */
  rotate(): Promise<string> {
    return this.#exclusively(async () => {
      const { stored, ended } = await this.#settle();
      if (ended === 'completed') return stored.secret;
      if (isUnderWay(stored) && !stored.unattended) throw underWay();
      const begun = isUnderWay(stored) ? stored : await this.#begin(stored, true);
      await this.#finish(begun);
      return begun.nextSecret;
    });
  }

  /**
   * After a restart: finishes what `rotate` had begun and cancels a start whose answer was lost. A rotation
   * that was started by hand and not completed goes on.
   *
   * @throws RotationConflict when another process is at work.
   * @throws SecretStoreError
   * @throws StytchRefused
   * @throws StytchUnreachable
   */
  async recover(): Promise<void> {
    if (!(await this.#store.read()).rotationStartedAt) return; // Also where nothing can be written, so not locked.
    await this.#exclusively(async () => {
      const { stored } = await this.#settle();
      if (isUnderWay(stored) && stored.unattended) await this.#finish(stored);
    });
  }

  /** One at a time, in this process and among those that share the store. */
  async #exclusively<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#atWork) throw atWork();
    this.#atWork = true;
    try {
      const unlock = await this.#store.lock();
      if (!unlock) throw atWork();
      return await work().finally(unlock);
    } catch (error) {
      if (!isMistake(error)) this.#tell({ type: 'failed', error });
      throw error;
    } finally {
      this.#atWork = false;
    }
  }

  /**
   * What is stored, brought in line with what Stytch says of a rotation that was cut off, or ended elsewhere.
   */
  async #settle(): Promise<{ stored: StoredSecrets; ended?: 'completed' | 'cancelled' }> {
    const stored = await this.#store.read();
    if (!stored.rotationStartedAt) return { stored };
    const { secret, next } = await this.#stytch.show();
    if (isUnderWay(stored)) {
      if (next === lastFour(stored.nextSecret)) return { stored };
      const ended = secret === lastFour(stored.nextSecret) ? 'completed' : 'cancelled';
      return this.#end(ended, ended === 'completed' ? completedWith(stored.nextSecret) : stored);
    }
    if (!next) return { stored: await this.#write(withoutRotation(stored)) };
    await this.#stytch.cancel(); // A start of which nobody got the answer: the next secret is lost.
    return this.#end('cancelled', stored);
  }

  async #end<Ended extends 'completed' | 'cancelled'>(ended: Ended, secrets: StoredSecrets) {
    const stored = await this.#write(withoutRotation(secrets));
    this.#tell({ type: ended });
    return { stored, ended };
  }

  async #begin(stored: StoredSecrets, unattended: boolean): Promise<UnderWay> {
    const announced = { ...stored, rotationStartedAt: new Date(), unattended };
    await this.#write(announced);
    let nextSecret: string;
    try {
      nextSecret = await this.#startAtStytch(stored.secret);
    } catch (error) {
      // Refused: nothing has begun. Otherwise it may have: what is stored says so to whoever comes next.
      if (!isUncertain(error)) await this.#write(stored);
      throw error;
    }
    const begun = { ...announced, nextSecret };
    try {
      await this.#write(begun);
    } catch (error) {
      await this.#stytch.cancel();
      throw error;
    }
    this.#tell({ type: 'started' });
    return begun;
  }

  async #startAtStytch(secret: string): Promise<string> {
    try {
      return await this.#stytch.start();
    } catch (error) {
      if (!isRefusal(error, 'm2m_client_already_rotating_secret')) throw error;
      if ((await this.#stytch.show()).next === lastFour(secret)) throw underWay();
      await this.#stytch.cancel();
      return this.#stytch.start();
    }
  }

  /** Proves the next secret, completes at Stytch, stores the outcome. */
  async #finish({ nextSecret, ...stored }: UnderWay): Promise<void> {
    try {
      await this.#prove(nextSecret, stored.unattended ? 'the rotation was cancelled' : 'cancel the rotation');
    } catch (error) {
      if (error instanceof RotationConflict && stored.unattended) {
        this.#tell({ type: 'failed', error });
        await this.#cancel(stored);
      }
      throw error;
    }
    this.#options.credentials.use({ ...stored, nextSecret }); // Again, where a cancellation failed before.
    try {
      await this.#stytch.complete();
    } catch (error) {
      // The answer may be lost and the deed done.
      const shown = await this.#stytch.show().catch(() => undefined);
      if (shown?.secret !== lastFour(nextSecret)) throw error;
    }
    await this.#end('completed', completedWith(nextSecret));
  }

  async #prove(nextSecret: string, whatNow: string): Promise<void> {
    try {
      await this.#stytch.prove(nextSecret);
    } catch (error) {
      if (!isRefusal(error, 'invalid_client')) throw error;
      throw new RotationConflict(`Stytch does not accept the next secret: ${whatNow}`);
    }
  }

  async #cancel(stored: StoredSecrets): Promise<void> {
    this.#options.credentials.use(withoutRotation(stored)); // While both work: none is refused on the way.
    await this.#stytch.cancel();
    await this.#end('cancelled', stored);
  }

  #tell(event: RotationEvent): void {
    try {
      this.#options.onEvent?.(event);
    } catch {
      // A hook that fails is no reason to leave a rotation half done.
    }
  }

  /** Stores, and has the credentials use what is stored: the next secret, where there is one. */
  async #write(secrets: StoredSecrets): Promise<StoredSecrets> {
    this.#options.onStep?.('write');
    await this.#store.write(secrets);
    this.#options.credentials.use(secrets);
    this.#options.onStep?.('written');
    return secrets;
  }
}

type UnderWay = StoredSecrets & { readonly nextSecret: string };

function isUnderWay(stored: StoredSecrets): stored is UnderWay {
  return stored.nextSecret !== undefined;
}

/** Whether Stytch may have done what was asked all the same. */
function isUncertain(error: unknown): boolean {
  return error instanceof StytchUnreachable || (error instanceof StytchRefused && error.transient);
}

/** Whether nothing failed but what was asked for cannot be. */
function isMistake(error: unknown): boolean {
  return (
    error instanceof RotationConflict ||
    isRefusal(error, 'm2m_client_already_rotating_secret') ||
    isRefusal(error, 'm2m_client_not_rotating_secret')
  );
}

function atWork(): RotationConflict {
  return new RotationConflict('A rotation is at work: try again when it has ended');
}

function underWay(): RotationConflict {
  return new RotationConflict('A rotation is under way: complete or cancel it first');
}

function completedWith(secret: string): StoredSecrets {
  return { secret, lastRotatedAt: new Date() };
}

function withoutRotation({ secret, lastRotatedAt }: StoredSecrets): StoredSecrets {
  return { secret, ...(lastRotatedAt && { lastRotatedAt }) };
}

function lastFour(secret: string): string {
  return secret.slice(-4);
}

import type { StoredSecrets, StoredVersion } from '../stytch/secretStore';

/** The watchers of a stored value that is read again and again, because its changes cannot be observed. */
export class PollingWatchers {
  readonly #read: () => Promise<StoredVersion>;
  readonly #milliseconds: number;
  readonly #watchers = new Set<(stored: StoredVersion) => void>();
  #writes = 0;

  /** @param milliseconds the time between two reads. */
  constructor(read: () => Promise<StoredVersion>, milliseconds: number) {
    this.#read = read;
    this.#milliseconds = milliseconds;
  }

  /** Makes the reads in flight count as out of date: a write has ended. */
  invalidateReads(): void {
    this.#writes += 1;
  }

  /** Passes a value that this process has written to the listeners. */
  notify(stored: StoredVersion): void {
    for (const notify of this.#watchers) notify(stored);
  }

  /** As `SecretStore.watch`. An error is reported once until a read succeeds. */
  watch(listener: (secrets: StoredSecrets) => void, onError: (error: unknown) => void): () => void {
    let known = '';
    let failure = '';
    let reading = false;
    const notify = ({ secrets, version }: StoredVersion) => {
      failure = '';
      if (version === known) return;
      known = version;
      listener(secrets);
    };
    const look = async () => {
      if (reading) return;
      reading = true;
      const writes = this.#writes;
      try {
        const stored = await this.#read();
        if (writes === this.#writes) notify(stored);
      } catch (error) {
        const { message } = error as Error;
        if (message !== failure) onError(error);
        failure = message;
      } finally {
        reading = false;
      }
    };
    this.#watchers.add(notify);
    const timer = setInterval(() => void look(), this.#milliseconds).unref();
    return () => {
      this.#watchers.delete(notify);
      clearInterval(timer);
    };
  }
}

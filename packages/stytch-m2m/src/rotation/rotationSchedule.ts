import { backOff } from '../stytch/backOff';
import { type SecretRotation } from './secretRotation';

export interface RotationScheduleOptions {
  rotation: Pick<SecretRotation, 'recover' | 'rotate' | 'status'>;
  /** The maximum age of a secret, in milliseconds. Default: none, so that only `recover` runs. */
  intervalMilliseconds?: number;
  /** Gets each error. The retry comes within a minute after the first failure, later within an hour. */
  onFailure: (error: unknown) => void;
}

const firstPause = 60_000;
const longestPause = 3_600_000;
/** A timer is limited to 24.8 days, and a machine may sleep: so the clock is checked this often. */
const checkMilliseconds = 60_000;

/**
 * Recovers interrupted rotations, and rotates the secret whenever it reaches the interval, less up to a tenth as
 * jitter, so that servers do not rotate at the same time. The time of the last rotation comes from the store, so a
 * restart does not change the schedule.
 *
 * @returns a function that ends the schedule.
 *
 * @example
 * import { Client } from 'stytch';
 * import { keepRotating, MemorySecretStore, SecretRotation, stytchConfig } from 'stytch-m2m';
 *
 * const { STYTCH_PROJECT_ID = '', STYTCH_SECRET = '', STYTCH_BASE_URL } = process.env;
 * const { CLIENT_ID = '', CLIENT_SECRET = '' } = process.env;
 * const client = new Client(
 *   stytchConfig({ projectId: STYTCH_PROJECT_ID, secret: STYTCH_SECRET, baseUrl: STYTCH_BASE_URL }),
 * );
 * const store = new MemorySecretStore(CLIENT_SECRET);
 * const rotation = new SecretRotation({ client, clientId: CLIENT_ID, store });
 *
 * const stop = keepRotating({ rotation, intervalMilliseconds: 30 * 86_400_000, onFailure: console.error });
 * stop();
 */
export function keepRotating(options: RotationScheduleOptions): () => void {
  const { rotation, intervalMilliseconds, onFailure } = options;
  const begunAt = Date.now();
  const share = 1 - Math.random() / 10;
  let recovered = false;
  let failures = 0;
  let timer: NodeJS.Timeout;
  let stopped = false;

  const report = (error: unknown) => {
    try {
      onFailure(error);
    } catch {
      // A failing hook must not end the schedule.
    }
  };
  const isDue = async () => {
    if (intervalMilliseconds === undefined) return false;
    const { lastRotatedAt } = await rotation.status();
    return Date.now() >= (lastRotatedAt?.getTime() ?? begunAt) + intervalMilliseconds * share;
  };
  const check = async () => {
    try {
      await rotation.recover(); // Each time: an operator's rotation may have been interrupted since.
      recovered = true;
      if (await isDue()) await rotation.rotate();
      failures = 0;
    } catch (error) {
      failures += 1;
      report(error);
    }
    const pause =
      failures > 0 ? backOff(failures, recovered ? firstPause : 1_000, longestPause) : checkMilliseconds;
    if (stopped) return;
    timer = setTimeout(() => void check(), Math.min(pause, longestPause));
    timer.unref();
  };
  void check();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

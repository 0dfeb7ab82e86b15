import { backOff } from '../stytch/backOff';
import { type SecretRotation } from './secretRotation';

export interface RotationScheduleOptions {
  rotation: Pick<SecretRotation, 'recover' | 'rotate' | 'status'>;
  /** How old a secret may get, in milliseconds. Default: as old as it likes; only `recover` is seen to. */
  intervalMilliseconds?: number;
  /** Gets what went wrong; the next try follows by itself, within a minute at first, within an hour at last. */
  onFailure: (error: unknown) => void;
}

const firstPause = 60_000;
const longestPause = 3_600_000;
/** Timers hold no more than 24.8 days, and a machine may sleep: the clock is looked at this often. */
const lookMilliseconds = 60_000;

/**
 * Brings a rotation that is cut off, now or later, to its end, and rotates whenever the secret is as old as the interval,
 * less up to a tenth, so that servers that started together do not rotate together. The time of the last
 * rotation is the store's, so a restart changes nothing.
 *
 * @returns what ends it.
 */
export function keepRotating(options: RotationScheduleOptions): () => void {
  const { rotation, intervalMilliseconds, onFailure } = options;
  const begunAt = Date.now();
  const share = 1 - Math.random() / 10;
  let recovered = false;
  let failures = 0;
  let timer: NodeJS.Timeout;
  let stopped = false;

  const tell = (error: unknown) => {
    try {
      onFailure(error);
    } catch {
      // A hook that fails is no reason to rotate no more.
    }
  };
  const isDue = async () => {
    if (intervalMilliseconds === undefined) return false;
    const { lastRotatedAt } = await rotation.status();
    return Date.now() >= (lastRotatedAt?.getTime() ?? begunAt) + intervalMilliseconds * share;
  };
  const look = async () => {
    try {
      await rotation.recover(); // Also what has been cut off since, such as one by route while Stytch was away.
      recovered = true;
      if (await isDue()) await rotation.rotate();
      failures = 0;
    } catch (error) {
      failures += 1;
      tell(error);
    }
    const pause =
      failures > 0 ? backOff(failures, recovered ? firstPause : 1_000, longestPause) : lookMilliseconds;
    if (stopped) return;
    timer = setTimeout(() => void look(), Math.min(pause, longestPause));
    timer.unref();
  };
  void look();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

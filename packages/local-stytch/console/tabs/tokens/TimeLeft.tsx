import { formatSeconds } from '../../format';

interface TimeLeftProps {
  /** Negative: it has expired. Seconds. */
  left: number;
  /** Seconds; null when the token does not say when it was issued. */
  lifetime: number | null;
}

/** How long a token is still valid, as a bar and in words. */
export function TimeLeft({ left, lifetime }: TimeLeftProps) {
  const expired = left <= 0;
  const words = expired ? `Expired ${formatSeconds(left)} ago` : `${formatSeconds(left)} left`;
  const hasLifetime = lifetime !== null && lifetime > 0;
  const share = hasLifetime ? Math.min(1, Math.max(0, left / lifetime)) : Number(!expired);
  const percent = Math.round(share * 100);
  return (
    <div class={expired ? 'time-left expired' : 'time-left'}>
      <div
        class="time-bar"
        role="progressbar"
        aria-label="Time left"
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent}
        aria-valuetext={words}
      >
        <div class="time-bar-fill" style={{ width: `${percent}%` }} />
      </div>
      <span>
        {words}
        {hasLifetime && !expired && ` of ${formatSeconds(lifetime)}`}
      </span>
    </div>
  );
}

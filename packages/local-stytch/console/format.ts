/** Times and numbers in the user's locale. */
const locale = undefined;
const counts = new Intl.NumberFormat(locale);
const clockTimes = new Intl.DateTimeFormat(locale, { timeStyle: 'medium' });
const preciseTimes = new Intl.DateTimeFormat(locale, {
  hour: 'numeric',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
});
const dates = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium' });
const relativeTimes = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });

export function formatCount(count: number): string {
  return counts.format(count);
}

/** Such as `0.4 ms`, `6 ms` and `1.2 sec`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 9.95) return unit(milliseconds, 'millisecond', 1);
  if (milliseconds < 999.5) return unit(milliseconds, 'millisecond', 0);
  if (milliseconds < 59_950) return unit(milliseconds / 1_000, 'second', 1);
  return formatSeconds(milliseconds / 1_000);
}

const parts = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
] as const;

/** The two largest units, such as `59 min 12 sec` and `1 hr`. Without a sign. */
export function formatSeconds(seconds: number): string {
  let rest = Math.round(Math.abs(seconds));
  const shown: string[] = [];
  for (const [name, length] of parts) {
    const count = Math.floor(rest / length);
    rest -= count * length;
    if (count > 0) shown.push(unit(count, name, 0));
    else if (shown.length > 0) break;
    if (shown.length === 2) break;
  }
  return shown.join(' ') || unit(0, 'second', 0);
}

function unit(value: number, name: string, digits: number): string {
  return new Intl.NumberFormat(locale, {
    style: 'unit',
    unit: name,
    unitDisplay: 'short',
    maximumFractionDigits: digits,
  }).format(value);
}

/** @param time ISO 8601, or milliseconds since 1970. */
export function formatTime(time: string | number): string {
  return show(clockTimes, time);
}

/** With milliseconds. */
export function formatPreciseTime(time: string | number): string {
  return show(preciseTimes, time);
}

/** With the date. */
export function formatDate(time: string | number): string {
  return show(dates, time);
}

function show(format: Intl.DateTimeFormat, time: string | number): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? String(time) : format.format(date);
}

/** Such as `in 59 minutes` and `2 hours ago`. */
export function formatRelative(seconds: number): string {
  const [name, length] = parts.find(([, size]) => Math.abs(seconds) >= size) ?? (['second', 1] as const);
  return relativeTimes.format(Math.trunc(seconds / length), name);
}

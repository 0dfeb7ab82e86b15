/** A performance target of the project. */
export interface Target {
  what: string;
  measured: number;
  limit: number;
  /** Whether `measured` must be at least or at most `limit`. */
  bound: 'least' | 'most';
  /** Follows the numbers: `x`, ` MiB`. */
  unit: string;
}

export function isMet({ measured, limit, bound }: Target): boolean {
  return bound === 'least' ? measured >= limit : measured <= limit;
}

export function renderTargets(targets: readonly Target[]): string {
  const width = Math.max(...targets.map(({ what }) => what.length));
  return targets
    .map((target) => {
      const { what, measured, limit, bound, unit } = target;
      const verdict = isMet(target) ? 'met    ' : 'NOT MET';
      const number = (value: number) => (Number.isInteger(value) ? String(value) : value.toFixed(2)) + unit;
      return `${verdict}  ${what.padEnd(width)}  ${number(measured)} (at ${bound} ${number(limit)})`;
    })
    .join('\n');
}

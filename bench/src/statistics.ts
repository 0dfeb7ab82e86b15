/** A summary of several runs. */
export interface Summary {
  median: number;
  min: number;
  max: number;
}

/** @throws RangeError when there are no values. */
export function summarize(values: readonly number[]): Summary {
  const sorted = [...values].sort((one, other) => one - other);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  const min = sorted[0];
  const max = sorted.at(-1);
  if (upper === undefined || lower === undefined || min === undefined || max === undefined) {
    throw new RangeError('nothing to summarize');
  }
  return { median: (lower + upper) / 2, min, max };
}

/** @throws RangeError when there are no values. */
export function median(values: readonly number[]): number {
  return summarize(values).median;
}

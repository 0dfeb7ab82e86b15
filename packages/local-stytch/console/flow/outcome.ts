import type { TraceSummary } from '../../src/traces';

/** Refused: a 4xx. Failed: a 5xx, or no answer. */
export type Outcome = 'succeeded' | 'refused' | 'failed';

/**
 * @param status the HTTP status; null when there is none.
 * @param error whether the operation has failed. It counts when there is no status.
 */
export function outcomeOf(status: number | null, error: boolean): Outcome {
  if (status === null) return error ? 'failed' : 'succeeded';
  if (status >= 500) return 'failed';
  return status >= 400 ? 'refused' : 'succeeded';
}

/** A trace has the outcome of its first span. */
export function outcomeOfTrace({ http_status: status, error }: TraceSummary): Outcome {
  return outcomeOf(status, error);
}

import type { LoggedRequest } from '../../../src/requestLog';

export type Outcome = 'succeeded' | 'refused' | 'failed' | 'waiting';

/** The outcomes that the list can be filtered by, with their names on the page. */
export const outcomes: readonly (readonly [Outcome | 'all', string])[] = [
  ['all', 'All outcomes'],
  ['succeeded', 'Succeeded'],
  ['refused', 'Refused (4xx)'],
  ['failed', 'Failed (5xx, or no answer)'],
  ['waiting', 'Waiting for an answer'],
];

export function outcomeOf({ status, duration_milliseconds: duration }: LoggedRequest): Outcome {
  if (status === null) return duration === null ? 'waiting' : 'failed';
  if (status >= 500) return 'failed';
  return status >= 400 ? 'refused' : 'succeeded';
}

/** The searched text of each request. A request that changes is a new object. */
const searched = new WeakMap<LoggedRequest, string>();

function searchedText(request: LoggedRequest): string {
  const known = searched.get(request);
  if (known !== undefined) return known;
  const { method, path, status, code, client_id: clientId } = request;
  const text = [method, path, status, code, clientId].join(' ').toLowerCase();
  searched.set(request, text);
  return text;
}

/**
 * The requests that match, newest first.
 *
 * @param requests oldest first.
 * @param text words, each of which must be in the method, path, status, error or client.
 */
export function filterRequests(
  requests: Iterable<LoggedRequest>,
  text: string,
  outcome: Outcome | 'all',
): LoggedRequest[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found: LoggedRequest[] = [];
  for (const request of requests) {
    if (outcome !== 'all' && outcomeOf(request) !== outcome) continue;
    if (words.length > 0 && !words.every((word) => searchedText(request).includes(word))) continue;
    found.push(request);
  }
  return found.reverse();
}

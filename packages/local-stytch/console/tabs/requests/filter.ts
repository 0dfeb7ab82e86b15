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
 * @param text words, each of which must be in the method, path, status, error, or the id or name of the client.
 * @param names of the clients, by their ids.
 */
export function filterRequests(
  requests: Iterable<LoggedRequest>,
  text: string,
  outcome: Outcome | 'all',
  names: ReadonlyMap<string, string>,
): LoggedRequest[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found: LoggedRequest[] = [];
  for (const request of requests) {
    if (outcome !== 'all' && outcomeOf(request) !== outcome) continue;
    if (words.every((word) => hasWord(request, word, names))) found.push(request);
  }
  return found.reverse();
}

function hasWord(request: LoggedRequest, word: string, names: ReadonlyMap<string, string>): boolean {
  if (searchedText(request).includes(word)) return true;
  const name = request.client_id === undefined ? undefined : names.get(request.client_id);
  return name !== undefined && name.toLowerCase().includes(word);
}

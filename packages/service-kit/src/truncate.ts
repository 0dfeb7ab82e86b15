/** Bounds log lines and spans: a few requests with long paths must not fill a disk. */
const maxCharacters = 256;

/** Shortens a text from a caller. */
export function truncate(text: string): string {
  return text.length > maxCharacters ? `${text.slice(0, maxCharacters)}…` : text;
}

/** Returns the path of a request's URL for the log and for spans: shortened, without the query, which may contain secrets. */
export function pathOf(url: string): string {
  const query = url.indexOf('?');
  return truncate(query === -1 ? url : url.slice(0, query));
}

/** Bounds log lines and spans: a few requests with long paths must not fill a disk. */
const maxCharacters = 256;

/** Shortens a text from a caller. */
export function truncate(text: string): string {
  return text.length > maxCharacters ? `${text.slice(0, maxCharacters)}…` : text;
}

/** RFC 6749 §3.3: the characters of one scope. */
const scope = /^[\x21\x23-\x5B\x5D-\x7E]+$/;

/**
 * The scopes of a list, or of one string in which spaces separate them (RFC 6749 §3.3). The list may be empty. The
 * string must not: a missing setting must not turn off a check.
 *
 * @throws TypeError when one of them is not a scope.
 */
export function scopeList(scopes: string | readonly string[]): string[] {
  const list: unknown = typeof scopes === 'string' ? scopes.split(' ').filter((one) => one !== '') : scopes;
  if (Array.isArray(list) && (list.length > 0 || typeof scopes !== 'string') && list.every(isScope)) {
    return [...list];
  }
  throw new TypeError(
    'scopes must be a scope, or a list of them: printable ASCII without spaces, quotes or backslashes',
  );
}

function isScope(value: unknown): value is string {
  return typeof value === 'string' && scope.test(value);
}

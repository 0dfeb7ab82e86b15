/** RFC 6749 §3.3: the characters of one scope. */
const scope = /^[\x21\x23-\x5B\x5D-\x7E]+$/;

/**
 * The scopes of a list, or of one string in which spaces separate them (RFC 6749 §3.3).
 *
 * @throws TypeError when one of them is not a scope.
 */
export function scopeList(scopes: string | readonly string[]): string[] {
  const list = typeof scopes === 'string' ? scopes.split(' ').filter((one) => one !== '') : [...scopes];
  for (const one of list as unknown[]) {
    if (typeof one !== 'string' || !scope.test(one)) {
      throw new TypeError(
        'A scope must be a string of printable ASCII without spaces, quotes or backslashes',
      );
    }
  }
  return list;
}

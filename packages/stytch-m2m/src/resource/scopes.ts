/**
 * Whether a list of scopes includes a required scope: the same one, or the wildcard of its action, `read:*` for
 * `read:users`. A longer scope such as `read:users:own` grants less, so it does not include `read:users`.
 */
export function hasScope(scopes: readonly string[], required: string): boolean {
  if (scopes.includes(required)) return true;
  const colon = required.indexOf(':');
  return colon > 0 && scopes.includes(`${required.slice(0, colon)}:*`);
}

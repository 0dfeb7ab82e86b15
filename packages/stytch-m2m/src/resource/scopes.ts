/**
 * Whether scopes include a required one: the same scope, or its action with the wildcard resource, `read:*` for
 * `read:users`. A longer scope, `read:users:own`, grants less: it includes nothing but itself.
 */
export function hasScope(scopes: readonly string[], required: string): boolean {
  if (scopes.includes(required)) return true;
  const colon = required.indexOf(':');
  return colon > 0 && scopes.includes(`${required.slice(0, colon)}:*`);
}

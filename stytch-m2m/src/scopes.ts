/**
 * Whether scopes that a token holds satisfy a required one: the same scope, or its action with the wildcard
 * resource, `read:*` for `read:users`. A longer scope, `read:users:own`, grants less and satisfies nothing
 * but itself.
 */
export function satisfies(held: readonly string[], required: string): boolean {
  if (held.includes(required)) return true;
  const colon = required.indexOf(':');
  return colon > 0 && held.includes(`${required.slice(0, colon)}:*`);
}

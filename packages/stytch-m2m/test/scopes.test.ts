import { hasScope } from '../src/resource/scopes';

test.each([
  ['the same scope', ['write:users', 'read:users'], 'read:users', true],
  ['the wildcard of its action', ['read:*'], 'read:users', true],
  ['the wildcard of its action, for a longer scope', ['read:*'], 'read:users:own', true],
  ['a scope without a colon', ['admin'], 'admin', true],
  ['no scope', [], 'read:users', false],
  ['another scope', ['read:wallets'], 'read:users', false],
  ['a longer scope', ['read:users:own'], 'read:users', false],
  ['a shorter scope', ['read'], 'read:users', false],
  ['the start of the scope', ['read:user'], 'read:users', false],
  ['the wildcard of another action', ['write:*'], 'read:users', false],
  ['a wildcard for everything', ['*:*', '*', ':*'], 'read:users', false],
  ['a wildcard within a resource', ['read:users:*'], 'read:users', false],
  ['another case', ['READ:USERS', 'Read:*'], 'read:users', false],
  ['names of the prototype', ['constructor:x', '__proto__:*', 'toString'], 'read:users', false],
  ['a name of the prototype that is asked for', ['constructor:x'], 'constructor:x', true],
  ['a name of the prototype by its wildcard', ['read:*'], 'constructor:x', false],
  ['a wildcard, where one resource is asked of no action', [':*'], ':users', false],
  ['one resource, where all are asked', ['read:users'], 'read:*', false],
  ['the action alone, where there is no resource', ['admin:*'], 'admin', false],
  ['everything, where nothing is named', ['read:*'], '', false],
])('When a token holds %s, %j, then for %s that is %s', (_case, held, required, expected) => {
  expect(hasScope(held, required)).toBe(expected);
});

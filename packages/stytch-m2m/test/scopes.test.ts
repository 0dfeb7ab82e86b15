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
  ['the scope in another letter case', ['READ:USERS', 'Read:*'], 'read:users', false],
  ['prototype names', ['constructor:x', '__proto__:*', 'toString'], 'read:users', false],
  ['a prototype name that is required', ['constructor:x'], 'constructor:x', true],
  ['the wildcard of another action, for a prototype name', ['read:*'], 'constructor:x', false],
  ['a wildcard without an action', [':*'], ':users', false],
  ['one resource, for the wildcard', ['read:users'], 'read:*', false],
  ['the wildcard of an action, for the action alone', ['admin:*'], 'admin', false],
  ['a wildcard, for the empty scope', ['read:*'], '', false],
])(
  'When a token has %s, %j, and %s is required, then the result is %s',
  (_case, held, required, expected) => {
    expect(hasScope(held, required)).toBe(expected);
  },
);

import { createHash } from 'node:crypto';
import { inspect } from 'node:util';
import { type VerifiedToken, VerifiedTokenCache } from '../src/resource/verifiedTokenCache';

function verified(clientId: string): VerifiedToken {
  return {
    client: { clientId, scopes: [], customClaims: {} },
    keyId: 'jwk-test-1',
    expiresAt: 0,
    notBefore: undefined,
    issuedAt: undefined,
    verifiedUntil: 0,
  };
}

const clientIds = (tokens: VerifiedTokenCache, digests: string[]) =>
  digests.map((digest) => tokens.get(digest)?.client.clientId);

test('When a token is cached, then its key is its SHA-256 digest', () => {
  const digest = VerifiedTokenCache.digest('header.payload.signature');

  expect(digest).toBe(createHash('sha256').update('header.payload.signature').digest('base64'));
});

test('When the cache is full, then the least recently used token is evicted', () => {
  const tokens = new VerifiedTokenCache(3);
  for (const name of ['a', 'b', 'c']) tokens.set(name, verified(name));
  tokens.get('a');

  tokens.set('d', verified('d'));

  expect(clientIds(tokens, ['a', 'b', 'c', 'd'])).toEqual(['a', undefined, 'c', 'd']);
});

test('When a cached token is set again, then it replaces its entry and counts as used', () => {
  const tokens = new VerifiedTokenCache(2);
  tokens.set('a', verified('a'));
  tokens.set('b', verified('b'));
  tokens.set('a', verified('a again'));

  tokens.set('c', verified('c'));

  expect(clientIds(tokens, ['a', 'b', 'c'])).toEqual(['a again', undefined, 'c']);
});

test('When many more tokens are set than fit, then the cache keeps only the newest', () => {
  const tokens = new VerifiedTokenCache(10);
  const digests = Array.from({ length: 1_000 }, (_, index) => String(index));

  for (const digest of digests) tokens.set(digest, verified(digest));

  expect(digests.filter((digest) => tokens.get(digest))).toEqual(digests.slice(-10));
});

test('When the maximum is 0, then no token is cached', () => {
  const tokens = new VerifiedTokenCache(0);

  tokens.set('a', verified('a'));

  expect(tokens.get('a')).toBeUndefined();
});

test('When a token is deleted, then the cache no longer has it', () => {
  const tokens = new VerifiedTokenCache(2);
  tokens.set('a', verified('a'));

  tokens.delete('a');

  expect(tokens.get('a')).toBeUndefined();
});

test('When the cache is logged, then the log contains no token', () => {
  const tokens = new VerifiedTokenCache(2);
  tokens.set(VerifiedTokenCache.digest('header.payload.signature'), verified('a'));

  expect(inspect(tokens, { depth: Infinity, showHidden: true })).not.toContain('payload');
});

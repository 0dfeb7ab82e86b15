import { AccessTokenProvider, ClientCredentials } from '../src';
import { advance, expectUnavailable, tokenAnswer } from './accessTokensSetUp';
import { FakeStore, FakeStytch, startProcess } from './rotationSetUp';
import { oauthError } from './stytchErrors';
import { pass, stopTheClock } from './timers';

beforeEach(stopTheClock);
afterEach(() => {
  jest.useRealTimers();
});

const both = { secret: 'first-aaaa', rotation: { startedAt: new Date(0), nextSecret: 'second-bbbb' } };

/** Access tokens of a replica. Another process rotates the secret in the store that the replica reads. */
async function startReplica({ content }: { content?: FakeStore['content'] } = {}) {
  const stytch = new FakeStytch();
  const store = new FakeStore(content);
  const { credentials } = await startProcess({ stytch, store });
  return { stytch, store, credentials, accessTokens: tokensOf(stytch, credentials) };
}

function tokensOf(stytch: FakeStytch, credentials: ClientCredentials): AccessTokenProvider {
  return new AccessTokenProvider({ client: stytch.client, credentials });
}

describe('a secret that Stytch refuses', () => {
  test('When the store has a newer secret, then the caller still gets a token', async () => {
    const { stytch, store, accessTokens } = await startReplica();
    stytch.secret = 'second-bbbb';
    store.content = { secret: 'second-bbbb' };

    await expect(accessTokens.getAccessToken(['read:users'])).resolves.toMatchObject({ source: 'issued' });

    expect(stytch.methods).toEqual(['token', 'token']);
  });

  test.each([
    ['completed but not stored', 'second-bbbb'],
    ['cancelled but not stored', 'first-aaaa'],
  ])('When the rotation was %s, then the working secret is found', async (_case, secret) => {
    const { stytch, credentials, accessTokens } = await startReplica({ content: both });
    stytch.secret = secret;

    await expect(accessTokens.getAccessToken(['read:users'])).resolves.toMatchObject({ source: 'issued' });

    expect(credentials.secret).toBe(secret);
  });

  test('When many callers wait, then one retry serves them all', async () => {
    const { stytch, accessTokens } = await startReplica({ content: both });

    const tokens = await Promise.all(
      Array.from({ length: 50 }, () => accessTokens.getAccessToken(['read:users'])),
    );

    expect(tokens).toHaveLength(50);
    expect(stytch.methods).toEqual(['token', 'token']);
  });

  test('When neither secret works, then each is tried once for each set of scopes and the refusal is cached', async () => {
    const { stytch, accessTokens } = await startReplica({ content: both });
    stytch.secret = 'another-zzzz';

    const scopes = [['read:users'], ['write:users'], ['read:users', 'write:users']];
    for (let time = 0; time < 30; time += 1) {
      for (const wanted of scopes)
        await expectUnavailable(accessTokens.getAccessToken(wanted), { reason: 'refused' });
    }

    expect(stytch.methods.length).toBeLessThanOrEqual(2 * scopes.length);
  });

  test('When neither secret works and later one does, then there is a token when the cached refusal expires', async () => {
    const { stytch, accessTokens } = await startReplica({ content: both });
    stytch.secret = 'another-zzzz';
    await expectUnavailable(accessTokens.getAccessToken(['read:users']), { reason: 'refused' });
    stytch.secret = 'second-bbbb';

    await pass(5_000);

    await expect(accessTokens.getAccessToken(['read:users'])).resolves.toMatchObject({ source: 'issued' });
  });

  test('When Stytch refuses the scopes, then no other secret is tried', async () => {
    const { stytch, credentials, accessTokens } = await startReplica({ content: both });
    stytch.faults.set('token', { before: () => Promise.reject(oauthError(400, 'invalid_scope')) });

    await expectUnavailable(accessTokens.getAccessToken(['read:users']), { reason: 'refused' });

    expect(stytch.methods).toEqual(['token']);
    expect(credentials.secret).toBe('second-bbbb');
  });

  test('When the store cannot be read, then the other secret is still tried', async () => {
    const { store, accessTokens } = await startReplica({ content: both });
    store.unreadable = true;

    await expect(accessTokens.getAccessToken(['read:users'])).resolves.toMatchObject({ source: 'issued' });
  });

  test('When the secret is replaced while Stytch is unavailable, then the next try uses the new one', async () => {
    const { stytch, store, accessTokens } = await startReplica();
    stytch.faults.set('token', { before: () => Promise.reject(oauthError(503, 'unavailable')) });
    const call = accessTokens.getAccessToken(['read:users']);
    await pass(1);
    stytch.faults.clear();
    stytch.secret = 'second-bbbb';
    store.content = { secret: 'second-bbbb' };

    await expect(advance(call, 1_000)).resolves.toMatchObject({
      accessToken: tokenAnswer('a-token').access_token,
    });
  });
});

describe('access tokens while the secret is rotated', () => {
  test('When this or another process requests a token between any two steps, then it gets a token', async () => {
    const stytch = new FakeStytch();
    const store = new FakeStore();
    const refused: string[] = [];
    const one = await startProcess({ stytch, store });
    // Another process, which does not watch the store.
    const late = Object.assign(new FakeStore(), { read: () => store.read(), watch: () => () => undefined });
    const replica = await ClientCredentials.follow('client-1', late);
    const clients = { one: one.credentials, replica: replica.credentials };
    const checks: Promise<unknown>[] = [];
    let steps = 0;
    const check = (step: string) => {
      steps += 1;
      for (const [name, credentials] of Object.entries(clients)) {
        const tokens = tokensOf(stytch, credentials); // With an empty cache.
        checks.push(tokens.getAccessToken(['read:users']).catch(() => refused.push(`${name} at ${step}`)));
      }
    };
    stytch.onStep = check;
    store.onStep = check;

    await one.rotation.rotate();
    await one.rotation.start();
    await one.rotation.cancel();
    await one.rotation.start();
    await one.rotation.complete();
    await Promise.all(checks);

    expect(steps).toBeGreaterThan(30);
    expect(refused).toEqual([]);
  });
});

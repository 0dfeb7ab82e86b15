import { inspect } from 'node:util';
import {
  AccessTokenProvider,
  ClientCredentials,
  MemorySecretStore,
  SecretRotation,
  SecretStoreError,
  type StoredSecrets,
  type SecretStore,
  type StoredVersion,
} from '../src';
import { FakeStore } from './rotationSetUp';
import { deferred, pass, stopTheClock } from './timers';

const showEverything = { depth: Infinity, showHidden: true } as const;

test('When credentials are logged in any form, then the log does not contain the secret', () => {
  const credentials = new ClientCredentials('m2m-client-test-1', 'secret-1');
  credentials.replaceSecret('secret-2');

  const forms = [
    inspect(credentials, showEverything),
    JSON.stringify(credentials),
    JSON.stringify(Object.assign({}, credentials)),
    JSON.stringify(structuredClone(credentials)),
    Object.values(credentials).join(),
  ];

  expect(JSON.parse(forms[1] ?? '')).toEqual({ clientId: 'm2m-client-test-1' });
  expect(forms.join()).not.toMatch(/secret-\d/);
});

test('When a token provider or a rotation is logged, then the log contains no secret and no token', async () => {
  const credentials = new ClientCredentials('m2m-client-test-1', 'secret-1');
  const answer = { access_token: 'a-token', token_type: 'bearer', expires_in: 3_600 };
  const clients = { get: jest.fn(), secrets: { rotateStart: jest.fn() } };
  const client = { m2m: { token: () => Promise.resolve(answer), clients } };
  const accessTokens = new AccessTokenProvider({ client, credentials });
  await accessTokens.getAccessToken(['read:users']);
  const rotation = new SecretRotation({
    client: client as unknown as ConstructorParameters<typeof SecretRotation>[0]['client'],
    clientId: 'm2m-client-test-1',
    store: new MemorySecretStore('secret-1'),
  });

  const forms = [accessTokens, rotation].flatMap((one) => [
    inspect(one, showEverything),
    JSON.stringify(one),
  ]);

  expect(forms.join()).not.toMatch(/secret-\d|a-token/);
});

test('When the secret is replaced by another, then that is in use and the generation grows by one', () => {
  const credentials = new ClientCredentials('m2m-client-test-1', 'secret-1');

  const seen = ['secret-1', 'secret-2', 'secret-2', 'secret-1'].map((secret) => {
    credentials.replaceSecret(secret);
    return [credentials.secret, credentials.generation];
  });

  expect(seen).toEqual([
    ['secret-1', 0],
    ['secret-2', 1],
    ['secret-2', 1],
    ['secret-1', 2],
  ]);
});

describe('credentials that follow a store', () => {
  const both = { secret: 'secret-1', rotation: { startedAt: new Date(0), nextSecret: 'secret-2' } };

  /** A store whose watchers the test can notify. */
  function setUp(content: StoredSecrets = { secret: 'secret-1' }) {
    const store = new FakeStore(content);
    const watchers = new Set<(error: unknown) => void>();
    const watch = store.watch.bind(store);
    const watching: SecretStore['watch'] = (listener, onError) => {
      watchers.add(onError);
      const stop = watch(listener);
      return () => {
        watchers.delete(onError);
        stop();
      };
    };
    Object.assign(store, { watch: watching });
    return {
      store,
      watchers,
      put: async (changed: StoredSecrets) => store.write(changed, (await store.read()).version),
      fail: (error: unknown) => {
        for (const onError of watchers) onError(error);
      },
    };
  }

  test('When the store has a next secret, then the credentials use that instead of the secret', async () => {
    const { credentials: one } = await ClientCredentials.follow('client-1', setUp().store);
    const { credentials: next } = await ClientCredentials.follow('client-1', setUp(both).store);

    expect([one.clientId, one.secret, next.secret]).toEqual(['client-1', 'secret-1', 'secret-2']);
    expect(inspect(next, showEverything)).not.toMatch(/secret-\d/);
  });

  test('When the store changes, then the credentials follow it, and stop ends the watch', async () => {
    const { store, put, watchers } = setUp();
    const { credentials, stop } = await ClientCredentials.follow('client-1', store);
    const seen: string[] = [];

    const cancelling = { ...both, rotation: { ...both.rotation, cancelling: true } };
    for (const content of [both, cancelling, both, { secret: 'secret-2' }, { secret: 'secret-3' }]) {
      await put(content);
      seen.push(credentials.secret);
    }
    stop();

    expect(seen).toEqual(['secret-2', 'secret-1', 'secret-2', 'secret-2', 'secret-3']);
    expect(watchers.size).toBe(0);
  });

  test('When the store changes between the first read and the watch, then the credentials have the change', async () => {
    const { store } = setUp();
    store.watch = () => {
      store.content = { secret: 'secret-2' };
      return () => undefined;
    };

    const { credentials } = await ClientCredentials.follow('client-1', store);

    expect(credentials.secret).toBe('secret-2');
  });

  test('When the store cannot be read at the start, then follow rejects and nothing is watched', async () => {
    const { store, watchers } = setUp();
    store.unreadable = true;

    await expect(ClientCredentials.follow('client-1', store)).rejects.toBeInstanceOf(SecretStoreError);

    expect(watchers.size).toBe(0);
  });

  test('When the store becomes unreadable, then the hook gets the error and the secret stays until the store changes', async () => {
    const { store, put, fail } = setUp();
    const errors: unknown[] = [];
    const { credentials } = await ClientCredentials.follow('client-1', store, (error) => {
      errors.push(error);
      throw new Error('a hook that fails');
    });

    store.unreadable = true;
    fail(new SecretStoreError('not to be read'));
    const better = await credentials.reconsider('secret-1');
    const meanwhile = credentials.secret;
    store.unreadable = false;
    await put({ secret: 'secret-2' });

    expect([meanwhile, better]).toEqual(['secret-1', false]);
    expect(errors).toEqual([expect.any(SecretStoreError), expect.any(SecretStoreError)]);
    expect(credentials.secret).toBe('secret-2');
  });

  test('When new secrets arrive during a read, then the older result of the read is not used', async () => {
    const { store } = setUp();
    const { credentials } = await ClientCredentials.follow('client-1', store);
    const slow = deferred<StoredVersion>();
    store.read = () => slow.promise;
    const reconsidering = credentials.reconsider('secret-1');

    credentials.use(both);
    slow.resolve({ secrets: { secret: 'secret-0' }, version: '0' });
    await reconsidering;

    expect(credentials.secret).toBe('secret-2');
  });

  test('When the store has the time of the last rotation, then the credentials have it too', async () => {
    const { store, put } = setUp({ secret: 'secret-1', lastRotatedAt: new Date(1) });
    const { credentials } = await ClientCredentials.follow('client-1', store);
    const before = credentials.lastRotatedAt;

    await put({ secret: 'secret-1', lastRotatedAt: new Date(2) });

    expect([before, credentials.lastRotatedAt]).toEqual([new Date(1), new Date(2)]);
  });
});

describe('credentials after Stytch refused a secret', () => {
  const both = { secret: 'secret-1', rotation: { startedAt: new Date(0), nextSecret: 'secret-2' } };
  beforeEach(stopTheClock);
  afterEach(() => {
    jest.useRealTimers();
  });

  test('When there is no other secret, then reconsider resolves to false', async () => {
    const credentials = new ClientCredentials('client-1', 'secret-1');

    expect(await credentials.reconsider('secret-1')).toBe(false);
    expect([credentials.secret, credentials.generation]).toEqual(['secret-1', 0]);
  });

  test('When the refused secret has already been replaced, then reconsider resolves to true', async () => {
    const credentials = new ClientCredentials('client-1', 'secret-2');

    expect(await credentials.reconsider('secret-1')).toBe(true);
    expect(credentials.secret).toBe('secret-2');
  });

  test('When the store has another secret, then the credentials use it', async () => {
    const store = new FakeStore({ secret: 'secret-1' });
    const { credentials } = await ClientCredentials.follow('client-1', store);
    store.content = { secret: 'secret-3' };

    expect(await credentials.reconsider('secret-1')).toBe(true);
    expect(credentials.secret).toBe('secret-3');
  });

  test('When the next secret is refused, then the other is used until the store changes', async () => {
    const { credentials } = await ClientCredentials.follow('client-1', new FakeStore(both));

    const better = await credentials.reconsider('secret-2');
    credentials.use(both);

    expect(better).toBe(true);
    expect(credentials.secret).toBe('secret-1');
  });

  test('When both secrets are refused, then they are swapped at most once a second', async () => {
    const credentials = new ClientCredentials('client-1', 'secret-1');
    credentials.use(both);

    const first = await credentials.reconsider('secret-2');
    const second = await credentials.reconsider('secret-1');
    await pass(999);
    const third = await credentials.reconsider('secret-1');
    await pass(1);
    const fourth = await credentials.reconsider('secret-1');

    expect([first, second, third, fourth]).toEqual([true, false, false, true]);
    expect(credentials.secret).toBe('secret-2');
  });

  test('When many callers report the same refusal, then the secrets are swapped once', async () => {
    const { credentials } = await ClientCredentials.follow('client-1', new FakeStore(both));
    const { generation } = credentials;

    const better = await Promise.all(Array.from({ length: 9 }, () => credentials.reconsider('secret-2')));

    expect(new Set(better)).toEqual(new Set([true]));
    expect([credentials.secret, credentials.generation - generation]).toEqual(['secret-1', 1]);
  });

  test('When new secrets arrive, then the next refusal swaps them at once', async () => {
    const credentials = new ClientCredentials('client-1', 'secret-1');
    credentials.use(both);
    await credentials.reconsider('secret-2');

    credentials.use({ ...both, rotation: { ...both.rotation, nextSecret: 'secret-3' } });

    expect(credentials.secret).toBe('secret-3');
    expect(await credentials.reconsider('secret-3')).toBe(true);
    expect(credentials.secret).toBe('secret-1');
  });
});

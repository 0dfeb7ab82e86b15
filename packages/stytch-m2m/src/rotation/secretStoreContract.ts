/**
 * What `SecretRotation` needs of a `SecretStore`, as tests for an implementation of your own.
 *
 * @module stytch-m2m/secret-store-contract
 */

import assert from 'node:assert/strict';
import {
  type SecretStore,
  SecretStoreConflictError,
  SecretStoreError,
  type StoredSecrets,
} from '../stytch/secretStore';

/** A store, and the same stored value as another process sees it. */
export interface StoreUnderTest {
  store: SecretStore;
  /** Undefined for a store of one process. */
  another?: SecretStore;
}

/** A test: `run` rejects with an AssertionError when the store breaks the contract. */
export interface ContractTest {
  name: string;
  run: () => Promise<void>;
}

/** How long a change of another process may take until a watcher gets it. Milliseconds. */
const longestWatch = 30_000;

const first: StoredSecrets = { secret: 'first-secret' };
const everything: StoredSecrets = {
  secret: 'first-secret',
  lastRotatedAt: new Date('2026-01-01T12:00:00.000Z'),
  rotation: {
    startedAt: new Date('2026-01-31T12:00:00.000Z'),
    nextSecret: 'next-secret',
    automatic: true,
    cancelling: true,
    holder: 'host/pid:[1]/7/uuid',
  },
};
const rotated: StoredSecrets = { secret: 'next-secret', lastRotatedAt: new Date('2026-01-31T12:05:00.000Z') };

type Check = (under: StoreUnderTest) => Promise<void>;

const checks: Record<string, Check> = {
  'When a store holds a secret, then it is read, with a version that contains no secret': async ({
    store,
  }) => {
    const { secrets, version } = await store.read();
    assert.equal(secrets.secret, 'first-secret');
    assert.equal(secrets.rotation, undefined);
    assert.ok(version !== '' && !version.includes('first-secret'));
  },
  'When nothing is written, then the version stays the same': async ({ store }) => {
    assert.equal((await store.read()).version, (await store.read()).version);
  },
  'When every field is written, then every field is read, with the version that the write returned': async ({
    store,
  }) => {
    const version = await write(store, everything);
    assert.deepEqual(await store.read(), { secrets: everything, version });
  },
  'When a rotation ends, then none of its fields is left': async ({ store }) => {
    await write(store, everything);
    await write(store, rotated);
    assert.deepEqual((await store.read()).secrets, rotated);
  },
  'When writes follow each other, then each returns the version for the next': async ({ store }) => {
    const second = await store.write(everything, (await store.read()).version);
    await store.write(rotated, second);
    assert.equal((await store.read()).secrets.secret, 'next-secret');
  },
  'When the version is out of date, then the write is a conflict and changes nothing': async ({ store }) => {
    const { version } = await store.read();
    await store.write(everything, version);
    await assert.rejects(store.write(rotated, version), SecretStoreConflictError);
    assert.deepEqual((await store.read()).secrets, everything);
  },
  'When two writes replace the same version at once, then one of them succeeds': async ({
    store,
    another,
  }) => {
    const { version } = await store.read();
    const results = await Promise.allSettled([
      store.write(everything, version),
      (another ?? store).write(rotated, version),
    ]);
    const errors = results.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
    assert.equal(errors.length, 1);
    assert.ok(errors[0] instanceof SecretStoreError);
    const expected = results[0].status === 'fulfilled' ? everything : rotated;
    assert.deepEqual((await store.read()).secrets, expected);
  },
  'When this process writes, then its watchers have the value before the write resolves': async ({
    store,
  }) => {
    const seen: StoredSecrets[] = [];
    const stop = store.watch((secrets) => seen.push(secrets), rethrow);
    await write(store, everything);
    stop();
    assert.deepEqual(seen.at(-1), everything);
  },
  'When a watch has ended, then its listener is not called again': async ({ store }) => {
    const seen: StoredSecrets[] = [];
    store.watch((secrets) => seen.push(secrets), rethrow)();
    await write(store, everything);
    assert.deepEqual(seen, []);
  },
  'When another process writes, then it sees the same value, and the watchers of this one get it': async ({
    store,
    another,
  }) => {
    if (!another) return;
    let stop: () => void = () => undefined;
    let timer: NodeJS.Timeout | undefined;
    try {
      const seen = new Promise<void>((resolve, reject) => {
        stop = store.watch(({ secret }) => {
          if (secret === 'next-secret') resolve();
        }, reject);
        timer = setTimeout(() => {
          reject(new assert.AssertionError({ message: `No change was seen within ${longestWatch} ms` }));
        }, longestWatch);
      });
      assert.deepEqual(await another.read(), await store.read());
      await write(another, rotated);
      await seen;
    } finally {
      clearTimeout(timer);
      stop();
    }
    assert.deepEqual((await store.read()).secrets, rotated);
  },
  'When another process has written, then a write with the earlier version is a conflict': async ({
    store,
    another,
  }) => {
    if (!another) return;
    const { version } = await store.read();
    await write(another, everything);
    await assert.rejects(store.write(rotated, version), SecretStoreConflictError);
    assert.deepEqual((await store.read()).secrets, everything);
  },
};

function rethrow(error: unknown): never {
  throw error;
}

async function write(store: SecretStore, secrets: StoredSecrets): Promise<string> {
  return store.write(secrets, (await store.read()).version);
}

/**
 * The contract of `SecretStore`, for any test framework.
 *
 * @param createStore creates a store for each test. It holds the secret that it gets, and no rotation.
 *
 * @example
 * import { MemorySecretStore } from 'stytch-m2m';
 * import { secretStoreContract } from 'stytch-m2m/secret-store-contract';
 *
 * const contract = secretStoreContract((secret) => ({ store: new MemorySecretStore(secret) }));
 *
 * // With node:test: for (const { name, run } of contract) test(name, run);
 * Promise.all(contract.map(({ run }) => run())).then(() => console.log('kept')); // kept
 */
export function secretStoreContract(
  createStore: (secret: string) => StoreUnderTest | Promise<StoreUnderTest>,
): ContractTest[] {
  return Object.entries(checks).map(([name, check]) => ({
    name,
    run: async () => {
      await check(await createStore(first.secret));
    },
  }));
}

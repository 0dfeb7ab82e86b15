import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileSecretStore, KubernetesSecretStore, MemorySecretStore, type StoredSecrets } from '../src';
import { type StoreUnderTest, secretStoreContract } from '../src/rotation/secretStoreContract';
import { KubernetesApiServer } from './kubernetesApi';
import { FakeStore } from './rotationSetUp';

let folder: string;
let api: KubernetesApiServer;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'contract-'));
  api = await KubernetesApiServer.start();
});
afterAll(async () => {
  await api.stop();
  rmSync(folder, { recursive: true });
});

let stores = 0;
const create: Record<string, (secret: string) => StoreUnderTest> = {
  MemorySecretStore: (secret) => ({ store: new MemorySecretStore(secret) }),
  FileSecretStore: (secret) => {
    const path = join(folder, `client-secret-${(stores += 1)}`);
    writeFileSync(path, `${secret}\n`);
    return { store: new FileSecretStore(path), another: new FileSecretStore(path) };
  },
  KubernetesSecretStore: (secret) => {
    const name = `client-secret-${(stores += 1)}`;
    api.createSecret(name, { 'client-secret': `${secret}\n` });
    const options = { ...api.options, name, watchMilliseconds: 50 };
    return { store: new KubernetesSecretStore(options), another: new KubernetesSecretStore(options) };
  },
};

describe.each(Object.entries(create))('The contract of SecretStore, for %s', (_name, createStore) => {
  test.each(secretStoreContract(createStore))('$name', ({ run }) => run());
});

describe('A store that breaks the contract', () => {
  /** The names of the tests that fail. */
  const failures = async (store: () => FakeStore) => {
    const contract = secretStoreContract(() => ({ store: store() }));
    const results = await Promise.allSettled(contract.map(({ run }) => run()));
    return contract.filter((_test, index) => results[index]?.status === 'rejected').map(({ name }) => name);
  };

  test('When it overwrites a newer value, then the test of that fails', async () => {
    class LastWriteWins extends FakeStore {
      override async write(secrets: StoredSecrets): Promise<string> {
        return super.write(secrets, (await this.read()).version);
      }
    }

    expect(await failures(() => new LastWriteWins({ secret: 'first-secret' }))).toEqual([
      'When the version is out of date, then the write is a conflict and changes nothing',
    ]);
  });

  test('When it loses fields, then the test of that fails', async () => {
    class Forgetful extends FakeStore {
      override async read() {
        const { secrets, version } = await super.read();
        return { secrets: { secret: secrets.secret }, version };
      }
    }

    expect(await failures(() => new Forgetful({ secret: 'first-secret' }))).toContain(
      'When every field is written, then every field is read, with the version that the write returned',
    );
  });

  test('When it tells its watchers nothing, then the test of that fails', async () => {
    class Silent extends FakeStore {
      override watch() {
        return () => undefined;
      }
    }

    expect(await failures(() => new Silent({ secret: 'first-secret' }))).toEqual([
      'When this process writes, then its watchers have the value before the write resolves',
    ]);
  });
});

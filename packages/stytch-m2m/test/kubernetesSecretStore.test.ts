import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { KubernetesSecretStore, SecretStoreConflictError, SecretStoreError } from '../src';
import { KubernetesApiServer } from './kubernetesApi';
import { until } from './loopback';

const name = 'payment-client';
const path = `/api/v1/namespaces/stytch-m2m/secrets/${name}`;
const shortTimeout = { timeoutMilliseconds: 200 };

let api: KubernetesApiServer;
let store: KubernetesSecretStore;

beforeEach(async () => {
  api = await KubernetesApiServer.start();
  api.createSecret(name, { 'client-secret': 'first-aaaa\n', 'client-id': 'client-1' });
  store = new KubernetesSecretStore({ ...api.options, name });
});
afterEach(() => api.stop());

async function errorOf(work: Promise<unknown>): Promise<SecretStoreError> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(SecretStoreError);
  expect(inspect(error, { depth: Infinity, showHidden: true })).not.toMatch(/aaaa|bbbb|a-token/);
  return error as SecretStoreError;
}

async function write(secret: string): Promise<string> {
  return store.write({ secret }, (await store.read()).version);
}

describe('KubernetesSecretStore', () => {
  test('When it reads and writes, then it uses get and patch of its one Secret, and other keys stay', async () => {
    await write('second-bbbb');

    expect(api.requests).toEqual([`GET ${path}`, `PATCH ${path}`]);
    expect(api.content(name)).toBe('second-bbbb\n');
    expect(api.content(name, 'client-id')).toBe('client-1');
  });

  test('When the Secret does not say when it was rotated, then that is when it was created', async () => {
    expect((await store.read()).secrets).toEqual({
      secret: 'first-aaaa',
      lastRotatedAt: new Date('2026-01-01T00:00:00Z'),
    });
  });

  test('When the client secret has another key, then that one is read', async () => {
    api.createSecret(name, { 'my-key': 'first-aaaa' });
    const other = new KubernetesSecretStore({ ...api.options, name, key: 'my-key' });

    expect((await other.read()).secrets.secret).toBe('first-aaaa');
  });

  test('When the Secret was deleted and created again, then a write with the earlier version is a conflict', async () => {
    const { version } = await store.read();
    api.deleteSecret(name);
    api.createSecret(name, { 'client-secret': 'second-bbbb' });

    expect(await errorOf(store.write({ secret: 'third-cccc' }, version))).toBeInstanceOf(
      SecretStoreConflictError,
    );
    expect(api.content(name)).toBe('second-bbbb');
  });

  test('When the kubelet replaces the token, then the next call uses the new one', async () => {
    await store.read();
    api.useToken('another-token');

    expect((await store.read()).secrets.secret).toBe('first-aaaa');
  });

  test('When the token has expired, then the error says so', async () => {
    api.tokens.clear();

    const error = await errorOf(store.read());

    expect(error.message).toBe('The API server rejects the token of the service account');
  });

  test('When the service account lacks a verb, then the error names the verb and the Secret', async () => {
    api.useToken('a-token', ['get']);
    const writing = await errorOf(write('second-bbbb'));
    api.useToken('a-token', []);
    const reading = await errorOf(store.read());

    expect(writing.message).toBe(
      'The service account may not patch the Secret payment-client: its Role must allow it',
    );
    expect(reading.message).toContain('may not get the Secret payment-client');
    expect(api.content(name)).toBe('first-aaaa\n');
  });

  test('When there is no Secret, or it lacks the key, then the error says what to create', async () => {
    api.createSecret(name, { other: 'first-aaaa' });
    const keyless = await errorOf(store.read());
    api.deleteSecret(name);
    const missing = await errorOf(store.read());

    expect(keyless.message).toBe('The Secret payment-client has no key client-secret');
    expect(missing.message).toBe(
      'There is no Secret payment-client in the namespace stytch-m2m: create it with the key client-secret',
    );
  });

  test('When the value is malformed, then the error says where, and does not quote it', async () => {
    api.createSecret(name, { 'client-secret': 'first-aaaa\nsecond-bbbb' });

    expect((await errorOf(store.read())).message).toBe(
      'The key client-secret of the Secret payment-client has an unknown line',
    );
  });

  test.each([
    [{ status: 500 }, 'The API server answered 500'],
    [{ status: 422, body: '{"message":"first-aaaa"}' }, 'The API server answered 422'],
    [{ status: 307 }, 'The API server answered 307'],
    [{ status: 200, body: '<html>first-aaaa' }, 'The API server did not answer with JSON'],
    [{ status: 200, body: 'null' }, 'The API server did not answer with a Secret'],
    [{ status: 200, body: '{"kind":"Status"}' }, 'The API server did not answer with a Secret'],
    [
      { status: 200, body: 'x'.repeat(3_000_000) },
      'The API server cannot be reached (the answer is too long)',
    ],
  ])('When the API server answers with %j, then the error says so', async (fault, message) => {
    api.faults = [fault];

    expect((await errorOf(store.read())).message).toBe(message);
    expect((await store.read()).secrets.secret).toBe('first-aaaa');
  });

  test('When the API server hangs, then the call ends after its timeout', async () => {
    api.faults = ['hang'];
    const hasty = new KubernetesSecretStore({ ...api.options, name, ...shortTimeout });

    const error = await errorOf(hasty.read());

    expect(error.message).toBe('The API server cannot be reached (no answer within 200 ms)');
  });

  test('When the answer to a write is lost, then the next read has its value', async () => {
    const hasty = new KubernetesSecretStore({ ...api.options, name, ...shortTimeout });
    const { version } = await hasty.read();
    api.onRequest = (when) => (when === 'after' ? new Promise(() => undefined) : undefined);

    await errorOf(hasty.write({ secret: 'second-bbbb' }, version));
    api.onRequest = () => undefined;

    expect((await store.read()).secrets.secret).toBe('second-bbbb');
  });

  test('When the API server is down, then the error says so', async () => {
    const away = new KubernetesSecretStore({ ...api.options, server: 'https://localhost:1', name });

    expect((await errorOf(away.read())).message).toBe('The API server cannot be reached (ECONNREFUSED)');
  });

  test('When the certificate of the API server is of another CA, then nothing is sent', async () => {
    const other = await KubernetesApiServer.start();
    const { credentialsFolder } = other;
    const deceived = new KubernetesSecretStore({ server: api.url, credentialsFolder, name });

    const error = await errorOf(deceived.read());
    await other.stop();

    expect(error.message).toMatch(/cannot be reached \((UNABLE|SELF|CERT)/);
    expect(api.requests).toEqual([]);
  });

  test('When the pod has no token, then the error names the file', async () => {
    rmSync(join(api.credentialsFolder, 'token'));

    const error = await errorOf(store.read());

    expect(error.message).toContain('/token cannot be read (ENOENT): does the pod mount the token');
  });

  test('When a namespace is given, then the one of the pod is not read', async () => {
    writeFileSync(join(api.credentialsFolder, 'namespace'), 'elsewhere');
    const given = new KubernetesSecretStore({ ...api.options, name, namespace: 'stytch-m2m' });

    expect((await given.read()).secrets.secret).toBe('first-aaaa');
    expect((await errorOf(store.read())).message).toContain('in the namespace elsewhere');
  });

  test('When the address is not https, then it is refused: the token would be sent unencrypted', () => {
    expect(() => new KubernetesSecretStore({ server: 'http://localhost', name })).toThrow('must be https://');
  });

  test('When it is watched, then each error is reported once and changes still arrive', async () => {
    const watched = new KubernetesSecretStore({ ...api.options, name, watchMilliseconds: 20 });
    const seen: string[] = [];
    const errors: string[] = [];
    api.faults = [{ status: 500 }, { status: 500 }];
    const stop = watched.watch(
      ({ secret }) => seen.push(secret),
      (error) => errors.push((error as Error).message),
    );

    await until(() => seen.length === 1);
    api.createSecret(name, { 'client-secret': 'second-bbbb' });
    await until(() => seen.length === 2);
    stop();

    expect(seen).toEqual(['first-aaaa', 'second-bbbb']);
    expect(errors).toEqual(['The API server answered 500']);
  });
});

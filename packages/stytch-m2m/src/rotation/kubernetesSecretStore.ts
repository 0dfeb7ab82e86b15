import {
  type SecretStore,
  SecretStoreError,
  type StoredSecrets,
  type StoredVersion,
} from '../stytch/secretStore';
import { KubernetesApi, type KubernetesApiOptions } from './kubernetesApi';
import { PollingWatchers } from './polling';
import { formatSecretFile, parseSecretFile } from './secretFileFormat';

export interface KubernetesSecretStoreOptions extends KubernetesApiOptions {
  /** The name of the Secret. */
  name: string;
  /** The key of the client secret in it. Default `client-secret`. */
  key?: string;
  /** Default: the namespace of the pod. */
  namespace?: string;
  /** How often `watch` reads the Secret. Milliseconds, default 10,000. */
  watchMilliseconds?: number;
}

/**
 * Stores the secret of an M2M client in a Kubernetes Secret, in the format of `FileSecretStore`: pods that mount the
 * Secret follow it with a read-only `FileSecretStore`. The kubelet updates a mounted file within two minutes, so give
 * `SecretRotation` a `propagationMilliseconds` of 120,000.
 *
 * A write is a PATCH with the `resourceVersion` that was read, which the API server refuses with 409 when the Secret has
 * changed since. The other keys of the Secret stay. The service account needs the verbs `get` and `patch` for this one
 * Secret.
 *
 * @example
 * import { KubernetesSecretStore, SecretStoreError } from 'stytch-m2m';
 *
 * const { KUBERNETES_SERVICE_HOST = 'localhost', KUBERNETES_SERVICE_PORT = '1' } = process.env;
 * const store = new KubernetesSecretStore({
 *   server: `https://${KUBERNETES_SERVICE_HOST}:${KUBERNETES_SERVICE_PORT}`,
 *   name: 'client-secret',
 * });
 *
 * store.read().catch((error: unknown) => {
 *   console.log(error instanceof SecretStoreError); // true
 * });
 */
export class KubernetesSecretStore implements SecretStore {
  readonly persistent = true;
  readonly #options: KubernetesSecretStoreOptions;
  readonly #api: KubernetesApi;
  readonly #key: string;
  readonly #watchers: PollingWatchers;

  /** @throws TypeError when the address of the API server is not https. */
  constructor(options: KubernetesSecretStoreOptions) {
    this.#options = options;
    this.#api = new KubernetesApi(options);
    this.#key = options.key ?? 'client-secret';
    this.#watchers = new PollingWatchers(() => this.read(), options.watchMilliseconds ?? 10_000);
  }

  async read(): Promise<StoredVersion> {
    return this.#parse(await this.#call('get'));
  }

  async write(secrets: StoredSecrets, version: string): Promise<string> {
    const value = Buffer.from(formatSecretFile(secrets)).toString('base64');
    const change = { metadata: { resourceVersion: version }, data: { [this.#key]: value } };
    const answer = await this.#call('patch', JSON.stringify(change)).finally(() => {
      this.#watchers.invalidateReads();
    });
    const stored = this.#parse(answer);
    this.#watchers.notify(stored);
    return stored.version;
  }

  watch(listener: (secrets: StoredSecrets) => void, onError: (error: unknown) => void): () => void {
    return this.#watchers.watch(listener, onError);
  }

  async #call(verb: 'get' | 'patch', body?: string): Promise<unknown> {
    const { name } = this.#options;
    const namespace = this.#options.namespace ?? (await this.#api.namespace());
    const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/secrets/${encodeURIComponent(name)}`;
    const refusals = {
      403: `The service account may not ${verb} the Secret ${name}: its Role must allow it`,
      404: `There is no Secret ${name} in the namespace ${namespace}: create it with the key ${this.#key}`,
    };
    const method = verb === 'get' ? 'GET' : 'PATCH';
    return this.#api.call({ method, path, ...(body !== undefined && { body }) }, refusals);
  }

  #parse(answer: unknown): StoredVersion {
    const { metadata, data } = (answer ?? {}) as { metadata?: Metadata; data?: Record<string, unknown> };
    const { resourceVersion: version, creationTimestamp } = metadata ?? {};
    const value = data && Object.hasOwn(data, this.#key) ? data[this.#key] : undefined;
    if (typeof version !== 'string' || version === '') {
      throw new SecretStoreError('The API server did not answer with a Secret');
    }
    if (typeof value !== 'string') {
      throw new SecretStoreError(`The Secret ${this.#options.name} has no key ${this.#key}`);
    }
    const createdAt = new Date(typeof creationTimestamp === 'string' ? creationTimestamp : 0);
    const content = Buffer.from(value, 'base64').toString();
    const place = `The key ${this.#key} of the Secret ${this.#options.name}`;
    return { secrets: parseSecretFile(content, createdAt, place), version };
  }
}

interface Metadata {
  resourceVersion?: unknown;
  creationTimestamp?: unknown;
}

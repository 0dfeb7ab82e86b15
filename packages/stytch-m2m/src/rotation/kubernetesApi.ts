import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { SecretStoreConflictError, SecretStoreError } from '../stytch/secretStore';

/** Bytes. A Secret has at most 1 MiB of data, which base64 makes a third longer, beside its metadata. */
const maxAnswerBytes = 2_097_152;

export interface KubernetesApiOptions {
  /** Base URL of the API server. In a pod: https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT */
  server: string;
  /** The folder with `token`, `ca.crt` and `namespace`. Default: where Kubernetes mounts those of the service account. */
  credentialsFolder?: string;
  /** How long each call may take. Milliseconds, default 5,000. */
  timeoutMilliseconds?: number;
}

interface Call {
  method: 'GET' | 'PATCH';
  path: string;
  body?: string;
}

/**
 * Calls the API server of a cluster as the pod's service account. The files are read for each call, because the kubelet
 * replaces them while a pod runs. No error contains the token or anything of an answer.
 */
export class KubernetesApi {
  readonly #server: URL;
  readonly #folder: string;
  readonly #timeoutMilliseconds: number;

  constructor(options: KubernetesApiOptions) {
    const { credentialsFolder = '/var/run/secrets/kubernetes.io/serviceaccount' } = options;
    this.#server = new URL(options.server);
    this.#folder = credentialsFolder;
    this.#timeoutMilliseconds = options.timeoutMilliseconds ?? 5_000;
    if (this.#server.protocol !== 'https:') throw new TypeError('The API server must be https://');
  }

  /** The namespace of the pod. */
  namespace(): Promise<string> {
    return this.#file('namespace');
  }

  /**
   * @param refusals what to say for a status. Others are "answered <status>".
   * @returns the JSON of a 200.
   * @throws SecretStoreConflictError for a 409.
   * @throws SecretStoreError
   */
  async call(call: Call, refusals: Readonly<Record<number, string>>): Promise<unknown> {
    const [token, ca] = await Promise.all([this.#file('token'), this.#file('ca.crt')]);
    const { status, text } = await this.#send(call, token, ca);
    if (status === 409) throw new SecretStoreConflictError();
    if (status === 401) throw new SecretStoreError('The API server rejects the token of the service account');
    if (status !== 200) throw new SecretStoreError(refusals[status] ?? `The API server answered ${status}`);
    try {
      return JSON.parse(text);
    } catch {
      throw new SecretStoreError('The API server did not answer with JSON');
    }
  }

  async #file(name: string): Promise<string> {
    const path = join(this.#folder, name);
    try {
      return (await readFile(path, 'utf8')).trim();
    } catch (error) {
      const { code = 'unknown error' } = error as NodeJS.ErrnoException;
      const message = `${path} cannot be read (${code}): does the pod mount the token of its service account?`;
      throw new SecretStoreError(message, { cause: error });
    }
  }

  async #send({ method, path, body }: Call, token: string, ca: string) {
    const signal = AbortSignal.timeout(this.#timeoutMilliseconds);
    const headers = {
      Authorization: `Bearer ${token}`,
      ...(body !== undefined && { 'Content-Type': 'application/merge-patch+json' }),
    };
    try {
      return await new Promise<{ status: number; text: string }>((resolve, reject) => {
        const options = { method, ca, signal, agent: false, headers };
        request(new URL(path, this.#server), options, (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (piece: string) => {
            text += piece;
            if (text.length > maxAnswerBytes) response.destroy(new Error('the answer is too long'));
          });
          response.on('end', () => {
            resolve({ status: response.statusCode ?? 0, text });
          });
          response.on('error', reject);
        })
          .on('error', reject)
          .end(body);
      });
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      const why = signal.aborted ? `no answer within ${this.#timeoutMilliseconds} ms` : (code ?? message);
      throw new SecretStoreError(`The API server cannot be reached (${why})`);
    }
  }
}

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CertificateAuthority } from '../../certificates/src';

interface Secret {
  metadata: Record<string, unknown>;
  data: Record<string, string>;
}

/** An answer that replaces the normal one. `hang` sends none. */
export type ApiFault = { status: number; body?: string } | 'hang';

/**
 * The part of a Kubernetes API server that serves Secrets: GET and merge PATCH (RFC 7396), with optimistic locking by
 * `resourceVersion`. https://kubernetes.io/docs/reference/using-api/api-concepts/
 */
export class KubernetesApiServer {
  readonly credentialsFolder = mkdtempSync(join(tmpdir(), 'service-account-'));
  readonly namespace = 'stytch-m2m';
  /** The requests so far, as `METHOD path`. */
  readonly requests: string[] = [];
  /** The tokens that are accepted, and what each may do: all verbs by default. */
  readonly tokens = new Map<string, readonly string[]>();
  readonly #secrets = new Map<string, Secret>();
  readonly #server: Server;
  #version = 1000;
  /** Taken by the next requests, one each. */
  faults: ApiFault[] = [];
  /** Called before and after each request takes effect. The answer waits for it. */
  onRequest: (when: 'before' | 'after', method: string) => Promise<void> | void = () => undefined;

  private constructor(server: Server) {
    this.#server = server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      void this.#answer(request, response);
    });
  }

  static async start(): Promise<KubernetesApiServer> {
    const authority = await CertificateAuthority.create('Cluster CA');
    const { certificate, key } = await authority.issue('kubernetes');
    const api = new KubernetesApiServer(createServer({ cert: certificate, key }));
    await new Promise<void>((resolve) => api.#server.listen(0, '127.0.0.1', resolve));
    writeFileSync(join(api.credentialsFolder, 'ca.crt'), authority.certificate);
    writeFileSync(join(api.credentialsFolder, 'namespace'), api.namespace);
    api.useToken('a-token');
    return api;
  }

  async stop(): Promise<void> {
    rmSync(this.credentialsFolder, { recursive: true });
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get url(): string {
    return `https://localhost:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The options of a KubernetesSecretStore. */
  get options() {
    return { server: this.url, credentialsFolder: this.credentialsFolder };
  }

  /** Accepts only this token, and mounts it, as the kubelet does before the earlier one expires. */
  useToken(token: string, verbs: readonly string[] = ['get', 'patch']): void {
    this.tokens.clear();
    this.tokens.set(token, verbs);
    writeFileSync(join(this.credentialsFolder, 'token'), token);
  }

  createSecret(name: string, data: Readonly<Record<string, string>>, metadata: object = {}): void {
    const encoded = Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]);
    this.#secrets.set(name, {
      metadata: { name, creationTimestamp: '2026-01-01T00:00:00Z', ...metadata },
      data: Object.fromEntries(encoded) as Record<string, string>,
    });
    this.#touch(name);
  }

  deleteSecret(name: string): void {
    this.#secrets.delete(name);
  }

  /** The text of a key, as a pod that mounts the Secret would see it. */
  content(name: string, key = 'client-secret'): string {
    return Buffer.from(this.#secrets.get(name)?.data[key] ?? '', 'base64').toString();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request;
    this.requests.push(`${method} ${url}`);
    let body = '';
    for await (const piece of request) body += String(piece);
    const fault = this.faults.shift();
    if (fault === 'hang') return;
    const send = (status: number, answer: unknown) => {
      response.writeHead(status, { 'Content-Type': 'application/json', Connection: 'close' });
      response.end(typeof answer === 'string' ? answer : JSON.stringify(answer));
    };
    if (fault) {
      send(fault.status, fault.body ?? '{"kind":"Status","status":"Failure"}');
      return;
    }
    await this.onRequest('before', method);
    const [status, answer] = this.#perform(method, url, headers, body);
    await this.onRequest('after', method);
    send(status, answer);
  }

  #perform(
    method: string,
    url: string,
    headers: IncomingMessage['headers'],
    body: string,
  ): [number, unknown] {
    const verbs = this.tokens.get(headers.authorization?.replace(/^Bearer /, '') ?? '');
    if (!verbs) return [401, failure('Unauthorized')];
    const verb = method === 'GET' ? 'get' : method.toLowerCase();
    if (!verbs.includes(verb)) return [403, failure('Forbidden')];
    const [, namespace, name = ''] = /^\/api\/v1\/namespaces\/([^/]+)\/secrets\/([^/]+)$/.exec(url) ?? [];
    const secret = this.#secrets.get(decodeURIComponent(name));
    if (namespace !== this.namespace || !secret) return [404, failure('NotFound')];
    if (verb === 'get') return [200, secret];
    if (headers['content-type'] !== 'application/merge-patch+json') {
      return [415, failure('UnsupportedMediaType')];
    }
    const patch = JSON.parse(body) as Partial<Secret>;
    const { resourceVersion } = patch.metadata ?? {};
    if (resourceVersion !== undefined && resourceVersion !== secret.metadata['resourceVersion']) {
      return [409, failure('Conflict')];
    }
    const before = JSON.stringify(secret.data);
    Object.assign(secret.data, patch.data);
    // A patch without an effect keeps the version.
    if (JSON.stringify(secret.data) !== before) this.#touch(name);
    return [200, secret];
  }

  #touch(name: string): void {
    this.#version += 1;
    const secret = this.#secrets.get(name);
    if (secret) secret.metadata['resourceVersion'] = String(this.#version);
  }
}

function failure(reason: string) {
  return { kind: 'Status', status: 'Failure', reason };
}

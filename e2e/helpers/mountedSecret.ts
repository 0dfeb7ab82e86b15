import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KubernetesApiServer } from '../../packages/stytch-m2m/test/kubernetesApi';

const key = 'client-secret';

/** A Secret as a volume of a pod: the files are links into a folder that the kubelet replaces as a whole. */
export class MountedSecret {
  readonly #folder = mkdtempSync(join(tmpdir(), 'mounted-secret-'));
  #versions = 0;

  constructor(content: string) {
    this.put(content);
    symlinkSync(join('..data', key), this.path);
  }

  get path(): string {
    return join(this.#folder, key);
  }

  put(content: string): void {
    const version = `..version-${(this.#versions += 1)}`;
    mkdirSync(join(this.#folder, version));
    writeFileSync(join(this.#folder, version, key), content, { mode: 0o440 });
    symlinkSync(version, join(this.#folder, '..new'));
    renameSync(join(this.#folder, '..new'), join(this.#folder, '..data'));
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true });
  }
}

/**
 * Updates mounted Secrets, each some time after a change, as the kubelets of different nodes do.
 *
 * @param delays for each mount: milliseconds.
 * @returns a function that ends it.
 */
export function startKubelets(
  api: KubernetesApiServer,
  name: string,
  mounts: readonly MountedSecret[],
  delays: readonly number[],
): () => void {
  let known = api.content(name);
  const timers = new Set<NodeJS.Timeout>();
  const looking = setInterval(() => {
    const content = api.content(name);
    if (content === known) return;
    known = content;
    mounts.forEach((mount, index) => {
      const put = () => {
        mount.put(content);
      };
      timers.add(setTimeout(put, delays[index]));
    });
  }, 10);
  return () => {
    clearInterval(looking);
    for (const timer of timers) clearTimeout(timer);
  };
}

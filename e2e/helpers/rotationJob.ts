import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { KubernetesApiServer } from '../../packages/stytch-m2m/test/kubernetesApi';
import { type End, endOf } from '../../tools/src/childProcess';
import { root } from '../../tools/src/program';

/** The name of the Secret that the job rotates. */
export const secretName = 'payment-client-secret';

/** The environment of the job in a cluster, for an M2M client of local-stytch. */
export function jobEnvironment(api: KubernetesApiServer, seed: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { hostname, port } = new URL(api.url);
  const { STYTCH_PROJECT_ID, STYTCH_SECRET, STYTCH_BASE_URL, CLIENT_ID } = seed;
  return {
    PATH: process.env.PATH,
    DOTENV: 'off',
    ...{ STYTCH_PROJECT_ID, STYTCH_SECRET, STYTCH_BASE_URL, CLIENT_ID },
    CLIENT_SECRET_NAME: secretName,
    KUBERNETES_SERVICE_HOST: hostname,
    KUBERNETES_SERVICE_PORT: port,
    SERVICE_ACCOUNT_FOLDER: api.credentialsFolder,
  };
}

export interface Job {
  readonly process: ChildProcess;
  /** Its exit code or signal, and its output. */
  readonly ended: Promise<{ end: End; output: string }>;
}

/** Starts the rotation job. */
export function startJob(environment: NodeJS.ProcessEnv): Job {
  const main = join(root, 'packages', 'rotate-client-secret', 'dist', 'rotateClientSecret.js');
  const child = spawn(process.execPath, [main], {
    cwd: root,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece) => (output += String(piece)));
  return { process: child, ended: endOf(child).then((end) => ({ end, output })) };
}

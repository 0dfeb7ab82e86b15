import type { IncomingMessage, ServerResponse } from 'node:http';
import { Client } from 'stytch';
import {
  AccessTokenProvider,
  ClientCredentials,
  FileSecretStore,
  stytchConfig,
} from '../../packages/stytch-m2m/src';
import { KubernetesApiServer } from '../../packages/stytch-m2m/test/kubernetesApi';
import { fullSpeed } from '../helpers/calls';
import { World } from '../helpers/harness';
import { type HttpServer, startHttpServer } from '../helpers/httpServer';
import { MountedSecret } from '../helpers/mountedSecret';
import { jobEnvironment, secretName, startJob } from '../helpers/rotationJob';
import type { StytchAdmin } from '../helpers/stytchAdmin';

/** The number of jobs that run in parallel. They mostly wait. */
const parallel = 8;

let world: World;
let stytch: StytchAdmin;

beforeAll(async () => {
  jest.spyOn(console, 'warn').mockImplementation(); // The SDK warns of every address but Stytch's own.
  world = new World();
  stytch = await world.startStytch();
});
afterAll(async () => {
  expect(await world.violations()).toEqual([]);
});

/**
 * Whether to kill the job at a step. What it had in memory is lost, so only changes at Stytch and of the Secret make a
 * difference. `npm run test:long` kills it at each step.
 */
const isKilledAt = (step: string) => fullSpeed || /^after (PATCH|POST|PUT)/.test(step);

/** A cluster with one Secret, of an M2M client of its own, and a Stytch whose requests are steps too. */
class Cluster {
  /** Called at each step of the job. A step waits for it. */
  onStep: (name: string) => Promise<void> | void = () => undefined;

  private constructor(
    readonly api: KubernetesApiServer,
    readonly proxy: HttpServer,
    readonly client: Client,
    readonly clientId: string,
    readonly firstSecret: string,
  ) {
    api.onRequest = (when, method) => this.onStep(`${when} ${method} of the Secret`);
  }

  static async start(): Promise<Cluster> {
    const { url, seed } = stytch.program;
    const { STYTCH_PROJECT_ID: projectId = '', STYTCH_SECRET: secret = '' } = seed;
    const client = new Client(stytchConfig({ projectId, secret, baseUrl: url }));
    const { m2m_client } = await client.m2m.clients.create({
      client_name: 'payment-service',
      scopes: ['read:users'],
    });
    const api = await KubernetesApiServer.start();
    api.createSecret(secretName, { 'client-secret': m2m_client.client_secret });
    const proxy = await startHttpServer((request, response) => {
      void cluster.#forward(request, response);
    });
    const cluster = new Cluster(api, proxy, client, m2m_client.client_id, m2m_client.client_secret);
    return cluster;
  }

  async stop(): Promise<void> {
    await this.proxy.stop();
    await this.api.stop();
  }

  /** Forwards a request of the job to Stytch. */
  async #forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const name = `${method} ${url.split(/clients\/[^/]+|public\/[^/]+/)[1] ?? url} at Stytch`;
    await this.onStep(`before ${name}`);
    const { authorization, 'content-type': type } = headers;
    const answer = await fetch(`${stytch.program.url}${url}`, {
      method,
      headers: { ...(authorization && { authorization }), ...(type && { 'content-type': type }) },
      ...(method !== 'GET' && { body: Buffer.concat(chunks) }),
    });
    const body = await answer.text();
    await this.onStep(`after ${name}`);
    response.writeHead(answer.status, { 'Content-Type': 'application/json' }).end(body);
  }

  /** Runs the job and kills it at a step, counted from 1. With 0 it runs to the end. */
  async runJob(lastStep = 0) {
    const steps: string[] = [];
    const seed = { ...stytch.program.seed, STYTCH_BASE_URL: this.proxy.url, CLIENT_ID: this.clientId };
    const job = startJob({ ...jobEnvironment(this.api, seed), PROPAGATION_SECONDS: '5' });
    this.onStep = async (name) => {
      steps.push(name);
      if (steps.length !== lastStep) return;
      job.process.kill('SIGKILL');
      await new Promise(() => undefined); // There is no one to answer.
    };
    const { end, output } = await job.ended;
    this.onStep = () => undefined;
    return { steps, end, output };
  }

  works(secret: string): Promise<boolean> {
    return stytch.acceptsSecret(secret, this.clientId);
  }
}

async function inCluster<Result>(work: (cluster: Cluster) => Promise<Result>): Promise<Result> {
  const cluster = await Cluster.start();
  try {
    return await work(cluster);
  } finally {
    await cluster.stop();
  }
}

/** Gets a token as a payment-server does that mounts the Secret. */
async function getToken({ api, client, clientId }: Cluster): Promise<string> {
  const mount = new MountedSecret(api.content(secretName));
  const store = new FileSecretStore(mount.path, { readOnly: true });
  const { credentials, stop } = await ClientCredentials.follow(clientId, store);
  try {
    return (await new AccessTokenProvider({ client, credentials }).getAccessToken('read:users')).accessToken;
  } finally {
    stop();
    mount.remove();
  }
}

async function expectRotated(cluster: Cluster) {
  const { api, client, clientId, firstSecret } = cluster;
  expect(api.content(secretName)).toMatch(/^\S+\nlast-rotated: \S+\n$/);
  const [secret = ''] = api.content(secretName).split('\n');
  const { m2m_client } = await client.m2m.clients.get({ client_id: clientId });
  expect(m2m_client.client_secret_last_four).toBe(secret.slice(-4));
  expect(m2m_client.next_client_secret_last_four ?? null).toBeNull();
  expect([await cluster.works(secret), await cluster.works(firstSecret)]).toEqual([true, false]);
}

test('When the job is killed at any step, then the Secret has a secret that works, and the next run ends the rotation', async () => {
  const whole = await inCluster(async (cluster) => {
    const run = await cluster.runJob();
    await expectRotated(cluster);
    return run;
  });
  expect(whole).toMatchObject({ end: 0, output: expect.stringContaining('is rotated') as string });
  expect(whole.steps.length).toBeGreaterThanOrEqual(20);
  let killed = 0;
  const killAndRunAgain = async (cluster: Cluster, step: number) => {
    const { steps, end } = await cluster.runJob(step);
    expect([steps, end]).toEqual([whole.steps.slice(0, step), 'SIGKILL']);
    await expect(getToken(cluster)).resolves.toEqual(expect.any(String));

    const { end: nextEnd, output } = await cluster.runJob();

    expect([step, nextEnd, output]).toEqual([step, 0, expect.stringContaining('is rotated')]);
    await expect(getToken(cluster)).resolves.toEqual(expect.any(String));
    await expectRotated(cluster);
    killed += 1;
  };
  const steps = whole.steps.flatMap((name, index) => (isKilledAt(name) ? [index + 1] : []));
  const count = steps.length;
  while (steps.length > 0) {
    const some = steps.splice(0, parallel);
    await Promise.all(some.map((step) => inCluster((cluster) => killAndRunAgain(cluster, step))));
  }
  expect(killed).toBe(count);
  expect(count).toBeGreaterThanOrEqual(8);
}, 600_000);

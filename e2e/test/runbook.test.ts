import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { KubernetesApiServer } from '../../packages/stytch-m2m/test/kubernetesApi';
import { root } from '../../tools/src/program';
import { call, paid, pay, summary, until } from '../helpers/calls';
import { World } from '../helpers/harness';
import { MountedSecret, startKubelets } from '../helpers/mountedSecret';
import { jobEnvironment, secretName, startJob } from '../helpers/rotationJob';
import type { StytchAdmin } from '../helpers/stytchAdmin';

const runbook = readFileSync(join(root, 'docs', 'secret-rotation.md'), 'utf8').split('## Runbook')[1] ?? '';

describe('The runbook of docs/secret-rotation.md', () => {
  const world = new World();
  let stytch: StytchAdmin;
  let api: KubernetesApiServer;

  beforeAll(async () => {
    stytch = await world.startStytch();
  });
  beforeEach(async () => {
    await stytch.reset();
    api = await KubernetesApiServer.start();
    api.createSecret(secretName, { 'client-secret': seed('CLIENT_SECRET') });
  });
  afterEach(() => api.stop());
  afterAll(async () => {
    expect(await world.violations()).toEqual([]);
  });

  const seed = (name: string) => stytch.program.seed[name] ?? '';
  const stored = () => api.content(secretName).split('\n')[0] ?? '';
  const runJob = () =>
    startJob({ ...jobEnvironment(api, stytch.program.seed), PROPAGATION_SECONDS: '0' }).ended;
  /** Runs the command of the runbook that calls Stytch, at local-stytch. */
  const callStytch = async (path: string) => {
    const [, method = '', url = ''] =
      /curl -X (\w+) -u [^"]*"[^"]*" \\\n\s+"https:\/\/api\.stytch\.com([^"]+)"/.exec(runbook) ?? [];
    expect(url).toBe('/v1/m2m/clients/$CLIENT_ID/secrets/rotate/cancel');
    const credentials = Buffer.from(`${seed('STYTCH_PROJECT_ID')}:${seed('STYTCH_SECRET')}`).toString(
      'base64',
    );
    const address = url.replace('$CLIENT_ID', seed('CLIENT_ID')).replace('/rotate/cancel', path);
    return call(`${stytch.program.url}${address}`, {
      method,
      headers: { Authorization: `Basic ${credentials}` },
      body: {},
    });
  };
  const nextSecret = async () =>
    ((await callStytch('/rotate/start')).json as { m2m_client: { next_client_secret: string } }).m2m_client
      .next_client_secret;

  test('When the Secret is lost, then a new one with any text and the job repair it, and a server pays again', async () => {
    api.deleteSecret(secretName);
    const missing = await runJob();
    const [, text = ''] = /--from-literal=client-secret=(\w+)/.exec(runbook) ?? [];
    api.createSecret(secretName, { 'client-secret': text });
    const mount = new MountedSecret(text);
    const stopKubelets = startKubelets(api, secretName, [mount], [100]);
    const payment = await world.startPayment(await world.startWallet(), {
      CLIENT_SECRET: '',
      CLIENT_SECRET_FILE: mount.path,
      CLIENT_SECRET_READ_ONLY: 'true',
    });
    const without = summary(await pay(payment));

    const repaired = await runJob();

    expect(missing).toMatchObject({
      end: 1,
      output: expect.stringContaining('There is no Secret') as string,
    });
    expect(without).toMatchObject({ status: 502, code: 'stytch_refused_credentials' });
    expect(repaired.end).toBe(0);
    await until('the server pays', async () => (await pay(payment)).json === paid.code);
    expect(await stytch.acceptsSecret(seed('CLIENT_SECRET'))).toBe(false);
    stopKubelets();
    mount.remove();
  });

  test('When a rotation is in progress whose next secret is lost, then it is cancelled, and the job repairs the rest', async () => {
    await nextSecret();
    api.createSecret(secretName, { 'client-secret': 'lost' });
    const refused = await runJob();
    const cancelled = await callStytch('/rotate/cancel');

    const repaired = await runJob();

    const [, message = ''] =
      /The job says "(Stytch shows other[^"]+)"/.exec(runbook.replaceAll(/\s+/g, ' ')) ?? [];
    expect(refused).toEqual({ end: 1, output: expect.stringContaining(message) as string });
    expect([cancelled.status, repaired.end]).toEqual([200, 0]);
    expect(await stytch.acceptsSecret(stored())).toBe(true);
  });

  test('When a rotation was started by hand, then it is completed as the runbook says, and the job works again', async () => {
    const next = await nextSecret();
    api.createSecret(secretName, { 'client-secret': `${seed('CLIENT_SECRET')}\nnext-secret: ${next}` });
    const refused = await runJob();
    const completed = await callStytch('/rotate');

    const repaired = await runJob();

    expect(refused).toEqual({ end: 1, output: expect.stringContaining('A rotation is under way') as string });
    expect([completed.status, repaired.end]).toEqual([200, 0]);
    expect(await stytch.acceptsSecret(stored())).toBe(true);
  });

  test('When the client is inactive, then it is activated, and the job works again', async () => {
    const next = await nextSecret();
    api.createSecret(secretName, {
      'client-secret': `${seed('CLIENT_SECRET')}\nnext-secret: ${next}\nautomatic: yes`,
    });
    await callStytch('/rotate/cancel');
    await stytch.setClientStatus('inactive');
    const refused = await runJob();
    await stytch.setClientStatus('active');

    const repaired = await runJob();

    const message = 'Stytch accepts neither of the two secrets';
    expect(runbook).toContain(message);
    expect(refused).toEqual({ end: 1, output: expect.stringContaining(message) as string });
    expect(repaired.end).toBe(0);
    expect(await stytch.acceptsSecret(stored())).toBe(true);
  });
});

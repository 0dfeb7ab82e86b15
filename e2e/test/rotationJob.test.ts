import { KubernetesApiServer } from '../../packages/stytch-m2m/test/kubernetesApi';
import type { Program } from '../../tools/src/program';
import { during, paid, pay, summary, until } from '../helpers/calls';
import { World } from '../helpers/harness';
import { MountedSecret, startKubelets } from '../helpers/mountedSecret';
import { jobEnvironment, secretName, startJob } from '../helpers/rotationJob';
import type { StytchAdmin } from '../helpers/stytchAdmin';

/** How long the slowest kubelet takes to update the file of a pod. Seconds: 90 in a real cluster. */
const lagSeconds = Number(process.env.SECRET_LAG_SECONDS ?? '1.5');
/** 120 in a real cluster. */
const propagationSeconds = Math.max(Math.ceil((lagSeconds * 4) / 3), lagSeconds + 1.5);
const replicas = 5;
const tokenSeconds = 3;

describe('Five payment-servers that mount the Secret, with tokens that live 3 s', () => {
  const world = new World();
  let stytch: StytchAdmin;
  let api: KubernetesApiServer;
  let mounts: MountedSecret[];
  let payments: Program[];
  let stopKubelets: () => void;

  beforeAll(async () => {
    stytch = await world.startStytch();
    await stytch.setTokenLifetime(tokenSeconds);
    api = await KubernetesApiServer.start();
    const first = stytch.program.seed.CLIENT_SECRET ?? '';
    api.createSecret(secretName, { 'client-secret': first });
    mounts = Array.from({ length: replicas }, () => new MountedSecret(first));
    const delays = mounts.map((_mount, index) => ((index + 1) / replicas) * lagSeconds * 1_000);
    stopKubelets = startKubelets(api, secretName, mounts, delays);
    const wallet = await world.startWallet();
    payments = await Promise.all(
      mounts.map(({ path }) =>
        world.startPayment(wallet, {
          CLIENT_SECRET: '',
          CLIENT_SECRET_FILE: path,
          CLIENT_SECRET_READ_ONLY: 'true',
        }),
      ),
    );
  });
  afterAll(async () => {
    stopKubelets();
    await api.stop();
    expect(await world.violations()).toEqual([]);
    for (const mount of mounts) mount.remove();
  });

  test(
    'When the job rotates the secret under load, then no payment fails, although a server sees a new file late',
    async () => {
      const first = stytch.program.seed.CLIENT_SECRET ?? '';
      let calls = 0;
      const payAtNext = () => pay(payments[(calls += 1) % replicas]!);
      let jobOutput = '';

      const answers = await during(10, payAtNext, async (soFar) => {
        await until('each server has a token', () => soFar.length > 50);
        const job = startJob({
          ...jobEnvironment(api, stytch.program.seed),
          PROPAGATION_SECONDS: String(propagationSeconds),
        });
        const { end, output } = await job.ended;
        jobOutput = output;
        expect([end, output]).toEqual([0, expect.stringContaining('is rotated.')]);
        // By then the tokens of the old secret have expired, and the last server has the last file.
        const over = Date.now() + Math.max(tokenSeconds, lagSeconds) * 1_000 + 500;
        await until('the tokens are new', () => Date.now() > over, lagSeconds * 1_000 + 30_000);
      });
      const [secret = ''] = api.content(secretName).split('\n');

      process.stdout.write(
        `${answers.length} payments, a file up to ${lagSeconds} s late, completed after ${propagationSeconds} s\n`,
      );
      const failed = answers.map(summary).filter(({ code }) => code !== paid.code);
      expect(failed).toEqual([]);
      expect(answers.length).toBeGreaterThan(200);
      expect([await stytch.acceptsSecret(secret), await stytch.acceptsSecret(first)]).toEqual([true, false]);
      expect(jobOutput).not.toContain(secret);
    },
    (lagSeconds * 3 + 60) * 1_000,
  );
});

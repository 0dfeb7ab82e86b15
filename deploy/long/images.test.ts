import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { call, paid, summary, until } from '../../e2e/helpers/calls';
import { freePorts } from '../../e2e/helpers/freePorts';
import { certificateFiles, makeCertificates, type Owner } from '../../tools/src/certs';
import type { End } from '../../tools/src/childProcess';
import { composeEnvironment, readComposeFile } from '../test/composeFile';
import { type Container, runContainer, stranger } from '../test/containers';
import { filesBelow, type Image, performDockerfile } from '../test/images';

const programs = ['local-stytch', 'wallet-server', 'payment-server', 'rotate-client-secret'] as const;
type ProgramImage = (typeof programs)[number];

const folder = mkdtempSync(join(tmpdir(), 'images-'));
let images: Record<ProgramImage, Image>;

beforeAll(() => {
  const stages = performDockerfile(folder);
  images = Object.fromEntries(programs.map((name) => [name, stages.get(name)])) as typeof images;
  chmodSync(folder, 0o755);
  for (const name of programs) execFileSync('chmod', ['-R', 'a-w', images[name].root]);
}, 240_000);

afterAll(() => {
  execFileSync('chmod', ['-R', 'u+w', folder]);
  rmSync(folder, { recursive: true });
});

describe('The content of the image', () => {
  const ownParts = {
    'local-stytch': ['packages/local-stytch', 'packages/service-kit'],
    'wallet-server': ['packages/service-kit', 'packages/stytch-m2m', 'wallet-server'],
    'payment-server': ['packages/service-kit', 'packages/stytch-m2m', 'payment-server'],
    'rotate-client-secret': ['packages/rotate-client-secret', 'packages/service-kit', 'packages/stytch-m2m'],
  };

  test.each(programs)(
    'of the %s is the program and its packages, without sources, tests and settings',
    (name) => {
      const app = join(images[name].root, 'app');

      const below = readdirSync(join(app, 'packages')).map((entry) => `packages/${entry}`);
      const entries = [...readdirSync(app).filter((entry) => entry !== 'packages'), ...below].sort();
      const files = filesBelow(app).map((file) => relative(app, file));

      const beside = ['healthcheck.mjs', 'package-lock.json', 'package.json'];
      expect(entries).toEqual([...beside, 'node_modules', ...ownParts[name]].sort());
      const own = files.filter((file) => !file.includes('node_modules/') && !beside.includes(file));
      const page = ['app.css', 'app.js', 'index.html'].map(
        (file) => `packages/local-stytch/bundle/console/${file}`,
      );
      expect(
        own
          .filter((file) => !/^(packages\/)?[\w-]+\/(package\.json|dist\/.+\.js(\.map)?)$/.test(file))
          .sort(),
      ).toEqual(name === 'local-stytch' ? page : []);
    },
  );

  test.each(programs)(
    'of the %s includes its production dependencies and no development dependencies',
    (name) => {
      const modules = join(images[name].root, 'app', 'node_modules');
      const installed = (packageName: string) => existsSync(join(modules, packageName));

      expect(
        ['typescript', 'jest', 'ts-node', 'eslint', 'supertest', '@types/node'].filter(installed),
      ).toEqual([]);
      for (const part of ownParts[name]) {
        const manifest = JSON.parse(
          readFileSync(join(images[name].root, 'app', part, 'package.json'), 'utf8'),
        ) as { dependencies?: Record<string, string> };
        const needed = Object.keys(manifest.dependencies ?? {}).filter((one) => !one.startsWith('@types/'));
        // In the program's own folder if the root has another version.
        const beneath = (one: string) => existsSync(join(modules, '..', part, 'node_modules', one));
        expect(needed.filter((one) => !installed(one) && !beneath(one))).toEqual([]);
      }
      expect(installed('axios')).toBe(name === 'payment-server');
    },
  );
});

/** Starts a server of an image, and waits until its HEALTHCHECK succeeds. */
async function startServer(name: ProgramImage, environment: Record<string, string>): Promise<Container> {
  const container = runContainer(images[name], environment);
  const isHealthy = async () => (await health(name, environment)) === 0;
  await until(`${name} is healthy`, isHealthy).catch(async (error: unknown) => {
    await container.stop();
    throw new Error(container.output(), { cause: error });
  });
  return container;
}

/** Runs the HEALTHCHECK of an image with the environment of a container. Returns its exit code. */
function health(name: ProgramImage, environment: Record<string, string>): Promise<End> {
  return runContainer(images[name], environment, images[name].healthcheck).ended;
}

describe('The programs of the images, as a user that owns no files, in a read-only folder', () => {
  const names = ['local-stytch', 'wallet-server', 'payment-server'] as const;
  const containers = {} as Record<(typeof names)[number], Container>;
  const environments = {} as Record<(typeof names)[number], Record<string, string>>;
  const folder = mkdtempSync(join(tmpdir(), 'mounted-'));
  let ports: string[];
  let local: Record<string, string>;

  beforeAll(async () => {
    ports = await freePorts(7);
    const [stytch = '', wallet = '', payment = ''] = ports;
    const places = {
      'http://local-stytch:5005': `http://localhost:${stytch}`,
      'http://local-wallet-server:4000': `http://localhost:${wallet}`,
    };
    local = composeEnvironment('local-payment-server', places);
    environments['local-stytch'] = { ...composeEnvironment('local-stytch', places), PORT: stytch };
    environments['wallet-server'] = { ...composeEnvironment('local-wallet-server', places), PORT: wallet };
    environments['payment-server'] = { ...local, PORT: payment };
    for (const name of names) containers[name] = await startServer(name, environments[name]);
  });

  afterAll(async () => {
    await Promise.all(Object.values(containers).map((container) => container.stop()));
    rmSync(folder, { recursive: true });
  });

  /** Makes the containers' user the owner of a folder, like that of a volume. */
  const giveToUser = (path: string) => {
    if (stranger.uid !== undefined) execFileSync('chown', ['-R', `${stranger.uid}:${stranger.gid}`, path]);
  };

  test('cannot write to their own folder', async () => {
    const script = 'require("node:fs").writeFileSync("written", "")';
    const writing = runContainer(images['payment-server'], {}, ['node', '--eval', script]);

    expect(await writing.ended).toBe(1);
    expect(writing.output()).toContain('EACCES');
  });

  test('make a payment with the settings of the Compose file, profile local', async () => {
    const url = `http://localhost:${environments['payment-server']['PORT']}`;

    await until(
      'the payment is made',
      async () => (await call(`${url}/initiate-payment`)).json === paid.code,
    );
  });

  test('need a token for the admin API of local-stytch, which other containers can call', async () => {
    expect((await call(`${local['STYTCH_BASE_URL']}/local/requests`)).status).toBe(401);
  });

  test('pay and rotate over mutual TLS with the settings of the Compose file, profile stytch', async () => {
    const [, , , walletPort = '', walletHealth = '', port = '', paymentHealth = ''] = ports;
    const certificates = join(folder, 'certs');
    const { STYTCH_SECRET = '', CLIENT_SECRET = '', STYTCH_BASE_URL = '' } = local;
    const { OPERATOR_CLIENT_SECRET = '' } = local;
    await makeCertificates(certificates);
    writeFileSync(join(folder, 'stytch-secret'), `${STYTCH_SECRET}\n`);
    writeFileSync(join(folder, 'client-secret'), `${CLIENT_SECRET}\n`);
    mkdirSync(join(folder, 'operator'));
    writeFileSync(join(folder, 'operator', 'client-secret'), `${OPERATOR_CLIENT_SECRET}\n`);
    giveToUser(folder);
    const url = `https://localhost:${port}`;
    const settings = (service: Owner | 'rotate-client-secret' | 'rotate-operator-secret', owner: Owner) => {
      const { ca, certificate, key } = certificateFiles(certificates, owner);
      const places = {
        '/run/secrets/ca.pem': ca,
        '/run/secrets/tls.pem': certificate,
        '/run/secrets/tls-key.pem': key,
        '/run/secrets/stytch-secret': join(folder, 'stytch-secret'),
        '/operator-secret/client-secret': join(folder, 'operator', 'client-secret'),
        '/client-secret/client-secret': join(folder, 'client-secret'),
        'https://wallet-server:4000': `https://localhost:${walletPort}`,
      };
      return { ...composeEnvironment(service, places, local), STYTCH_BASE_URL };
    };
    // The Compose file has 5 s.
    const shortDelay = { SHUTDOWN_DELAY_SECONDS: '1' };
    const wallet = {
      ...settings('wallet-server', 'wallet-server'),
      PORT: walletPort,
      HEALTH_PORT: walletHealth,
      ...shortDelay,
    };
    const payment = {
      ...settings('payment-server', 'payment-server'),
      PORT: port,
      HEALTH_PORT: paymentHealth,
      ...shortDelay,
    };
    for (const name of ['wallet-server', 'payment-server'] as const) await containers[name].stop();
    Object.assign(environments, { 'wallet-server': wallet, 'payment-server': payment });
    containers['wallet-server'] = await startServer('wallet-server', wallet);
    containers['payment-server'] = await startServer('payment-server', payment);
    const { ca, certificate, key } = certificateFiles(certificates, 'operator');
    const trust = { ca: readFileSync(ca) };
    const tls = { ...trust, cert: readFileSync(certificate), key: readFileSync(key) };
    const pay = () => call(`${url}/initiate-payment`, { tls });

    await until('the payment is made', async () => (await pay()).json === paid.code);
    await expect(call(`${url}/initiate-payment`, { tls: trust })).rejects.toThrow();
    await expect(call(`https://localhost:${walletPort}/healthz`, { tls: trust })).rejects.toThrow();
    expect(
      summary(
        await call(`https://localhost:${walletPort}/api/check-balance`, { method: 'POST', tls, body: {} }),
      ),
    ).toEqual({ status: 403, code: 'client_not_allowed' });
    const image = images['rotate-client-secret'];
    const job = settings('rotate-client-secret', 'operator');
    const stopped = runContainer(image, { ...job, PROPAGATION_SECONDS: '600' });
    await until('the next secret is stored', () => stopped.output().includes('The next secret is stored'));
    expect(await stopped.stop()).toBe(143);
    const rotation = runContainer(image, { ...job, PROPAGATION_SECONDS: '2' });
    expect(`${await rotation.ended}: ${rotation.output()}`).toMatch(/^0: (.|\n)*is rotated\./);
    expect(readFileSync(join(folder, 'client-secret'), 'utf8')).not.toContain(CLIENT_SECRET);
    const forOperator = runContainer(
      image,
      { ...settings('rotate-operator-secret', 'operator'), PROPAGATION_SECONDS: '0' },
      readComposeFile().services['rotate-operator-secret']!['command'] as string[],
    );
    expect(await forOperator.ended).toBe(0);
    expect(readFileSync(join(folder, 'operator', 'client-secret'), 'utf8')).not.toContain(
      OPERATOR_CLIENT_SECRET,
    );
    expect((await pay()).json).toBe(paid.code);
  });

  test('exit with 0 when they are asked to stop, and their HEALTHCHECK fails afterwards', async () => {
    await Promise.all(
      names.map(async (name) => {
        expect([name, await health(name, environments[name])]).toEqual([name, 0]);
        expect([name, await containers[name].stop()]).toEqual([name, 0]);
        expect([name, await health(name, environments[name])]).toEqual([name, 1]);
      }),
    );
  });
});

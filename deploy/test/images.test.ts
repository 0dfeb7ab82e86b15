import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync } from 'node:fs';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { call, until } from '../../e2e/test/calls';
import { readComposeFile } from './composeFile';
import { type Container, freePorts, runContainer, stranger } from './containers';
import { filesBelow, type Image, performDockerfile } from './images';

const programs = ['local-stytch', 'wallet-server', 'payment-server', 'operator'] as const;
type ProgramImage = (typeof programs)[number];

// Whatever runs beside this on the machine.
jest.setTimeout(60_000);

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

describe('What is in the image', () => {
  const ownParts = {
    'local-stytch': ['local-stytch', 'service-kit'],
    'wallet-server': ['service-kit', 'stytch-m2m', 'wallet-server'],
    'payment-server': ['payment-server', 'service-kit', 'stytch-m2m'],
    operator: ['scripts', 'service-kit', 'stytch-m2m'],
  };
  const filesBeside = { 'payment-server': ['seedSecret.mjs'] } as Partial<Record<ProgramImage, string[]>>;

  test.each(programs)(
    'of the %s: its program, what that is built on, and no source, test or setting',
    (name) => {
      const app = join(images[name].root, 'app');

      const entries = readdirSync(app).sort();
      const files = filesBelow(app).map((file) => relative(app, file));

      const beside = ['healthcheck.mjs', 'package-lock.json', 'package.json', ...(filesBeside[name] ?? [])];
      expect(entries).toEqual([...beside, 'node_modules', ...ownParts[name]].sort());
      const own = files.filter((file) => !file.includes('node_modules/') && !beside.includes(file));
      expect(own.filter((file) => !/^[\w-]+\/(package\.json|dist\/.+\.js(\.map)?)$/.test(file))).toEqual([]);
    },
  );

  test.each(programs)('of the %s: the packages that it needs in production, and no other', (name) => {
    const modules = join(images[name].root, 'app', 'node_modules');
    const installed = (packageName: string) => existsSync(join(modules, packageName));

    expect(['typescript', 'jest', 'ts-node', 'eslint', 'supertest', '@types/node'].filter(installed)).toEqual(
      [],
    );
    for (const part of ownParts[name]) {
      const manifest = JSON.parse(
        readFileSync(join(images[name].root, 'app', part, 'package.json'), 'utf8'),
      ) as { dependencies: Record<string, string> };
      const needed = Object.keys(manifest.dependencies).filter((one) => !one.startsWith('@types/'));
      // In the program's own folder where another version is above it.
      const beneath = (one: string) => existsSync(join(modules, '..', part, 'node_modules', one));
      expect(needed.filter((one) => !installed(one) && !beneath(one))).toEqual([]);
    }
    expect(installed('axios')).toBe(name === 'payment-server' || name === 'operator');
  });
});

/** Starts a server of an image, and waits until its HEALTHCHECK finds it well. */
async function startServer(name: ProgramImage, environment: Record<string, string>): Promise<Container> {
  const container = runContainer(images[name], environment);
  const isHealthy = async () => (await health(name, environment)) === 0;
  await until(`${name} is healthy`, isHealthy).catch(async (error: unknown) => {
    await container.stop();
    throw new Error(container.output(), { cause: error });
  });
  return container;
}

/** What the HEALTHCHECK of an image exits with, of a container with this environment. */
function health(name: ProgramImage, environment: Record<string, string>): Promise<number | NodeJS.Signals> {
  return runContainer(images[name], environment, images[name].healthcheck).ended;
}

/** The environment that a service of the Compose file has, moved to other ports. */
function composeEnvironment(service: string, ports: Record<string, string>): Record<string, string> {
  const { environment } = readComposeFile().services[service]!;
  return JSON.parse(
    JSON.stringify(environment).replace(/(?<=localhost:)\d+/g, (port) => ports[port] ?? port),
  ) as Record<string, string>;
}

describe('What the image starts, as a user to whom nothing belongs, from a read-only folder', () => {
  const payment = '"john_doe your payment of 769 to yh809ikol7plo98 was successful!"';
  const secrets = mkdtempSync(join(tmpdir(), 'client-secret-'));
  const firstSecret = join(secrets, 'first');
  const keptSecret = join(secrets, 'kept', 'client-secret');
  let environments: Record<'local-stytch' | 'wallet-server' | 'payment-server', Record<string, string>>;
  const containers = {} as Record<keyof typeof environments, Container>;
  let paymentUrl: string;

  beforeAll(async () => {
    const [stytch = '', wallet = '', paymentPort = ''] = await freePorts(3);
    const ports = { 5005: stytch, 4000: wallet, 6000: paymentPort };
    environments = {
      'local-stytch': { ...composeEnvironment('local-stytch', ports), PORT: stytch },
      'wallet-server': { ...composeEnvironment('local-wallet-server', ports), PORT: wallet },
      'payment-server': {
        ...composeEnvironment('local-payment-server', ports),
        WALLET_SERVER_URL: `http://localhost:${wallet}`,
        PORT: paymentPort,
      },
    };
    paymentUrl = `http://localhost:${paymentPort}`;
    for (const name of ['local-stytch', 'wallet-server', 'payment-server'] as const) {
      containers[name] = await startServer(name, environments[name]);
    }
  });

  afterAll(async () => {
    await Promise.all(Object.values(containers).map((container) => container.stop()));
    rmSync(secrets, { recursive: true });
  });

  const pay = () => call(`${paymentUrl}/initiate-payment`);
  const ready = async () => (await call(`${paymentUrl}/readyz`)).status === 200;

  test('cannot write to its own folder', async () => {
    const writing = runContainer(images['payment-server'], {}, [
      'node',
      '--eval',
      'require("node:fs").writeFileSync("written", "")',
    ]);

    expect(await writing.ended).toBe(1);
    expect(writing.output()).toContain('EACCES');
  });

  test('makes a payment with the settings of the Compose file, profile local', async () => {
    expect(
      await until('the payment is made', async () =>
        pay().then(({ status, text }) => status === 200 && text),
      ),
    ).toBe(payment);
  });

  test('rotates a client secret that was put in place once, through the command of the operator', async () => {
    const { CLIENT_SECRET = '', ...rest } = environments['payment-server'];
    writeFileSync(firstSecret, `${CLIENT_SECRET}\n`);
    mkdirSync(join(keptSecret, '..'));
    if (stranger.uid !== undefined) {
      chmodSync(secrets, 0o755);
      chownSync(join(keptSecret, '..'), stranger.uid, stranger.gid);
    }
    const seed = () =>
      runContainer(images['payment-server'], {}, ['node', 'seedSecret.mjs', firstSecret, keptSecret]).ended;
    await containers['payment-server'].stop();

    expect(await Promise.all([seed(), seed(), seed()])).toEqual([0, 0, 0]);
    expect(readFileSync(keptSecret, 'utf8')).toBe(`${CLIENT_SECRET}\n`);
    expect(statSync(keptSecret).mode & 0o777).toBe(0o600);

    const withFile = { ...rest, CLIENT_SECRET_FILE: keptSecret };
    containers['payment-server'] = await startServer('payment-server', withFile);
    await until('the payment-server is ready', ready);
    const rotation = runContainer(images.operator, { ...rest, PAYMENT_SERVER_URL: paymentUrl });
    expect(`${await rotation.ended}: ${rotation.output()}`).toMatch(
      /^0: Secret rotation completed successfully/,
    );
    expect(readFileSync(keptSecret, 'utf8')).not.toContain(CLIENT_SECRET);
    expect((await pay()).text).toBe(payment);

    rmSync(firstSecret);
    const rotated = readFileSync(keptSecret, 'utf8');
    expect(await seed()).toBe(0);
    expect(readFileSync(keptSecret, 'utf8')).toBe(rotated);
    expect(readdirSync(join(keptSecret, '..'))).toEqual(['client-secret']);
  });

  test('ends with 0 when it is told to stop, and its HEALTHCHECK fails from then on', async () => {
    for (const name of ['payment-server', 'wallet-server', 'local-stytch'] as const) {
      expect([name, await health(name, environments[name])]).toEqual([name, 0]);
      expect([name, await containers[name].stop()]).toEqual([name, 0]);
      expect([name, await health(name, environments[name])]).toEqual([name, 1]);
    }
  });
});

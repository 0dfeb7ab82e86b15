import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'stytch';
import { ModuleKind, ScriptTarget, transpileModule } from 'typescript';
import {
  AccessTokenProvider,
  ClientCredentials,
  FileSecretStore,
  SecretRotation,
} from '../../packages/stytch-m2m/src';
import { call } from '../helpers/calls';
import { World } from '../helpers/harness';
import { root } from '../../tools/src/program';

/** Compiled once, and run on what was built, so that a process takes no longer than it has to. */
const script = transpileModule(readFileSync(join(__dirname, '..', 'helpers', 'rotateAndDie.ts'), 'utf8'), {
  compilerOptions: { module: ModuleKind.CommonJS, target: ScriptTarget.ES2023 },
}).outputText;
/** How many processes die at a time. */
const atOnce = 2;

let world: World;
let seed: Readonly<Record<string, string>>;
let stytch: string;
let folder: string;

beforeAll(async () => {
  jest.spyOn(console, 'warn').mockImplementation(); // The SDK warns of every address but Stytch's own.
  folder = mkdtempSync(join(tmpdir(), 'rotation-kill-'));
  world = new World();
  const { program } = await world.startStytch();
  ({ url: stytch, seed } = program);
});
afterAll(async () => {
  expect(await world.violations()).toEqual([]);
  rmSync(folder, { recursive: true });
});

function sdk(): Client {
  return new Client({
    project_id: seed.STYTCH_PROJECT_ID ?? '',
    secret: seed.STYTCH_SECRET ?? '',
    env: stytch,
  });
}

/** A client of its own, with its secret in a file of its own. */
async function createVictim(name: string) {
  const client = sdk();
  const { m2m_client } = await client.m2m.clients.create({ client_name: name, scopes: ['read:users'] });
  const path = join(mkdtempSync(join(folder, 'victim-')), 'client-secret');
  writeFileSync(path, m2m_client.client_secret, { mode: 0o600 });
  return { clientId: m2m_client.client_id, path, client };
}

type Victim = Awaited<ReturnType<typeof createVictim>>;

/** Runs a process that does the operations until it dies. Returns the steps that it came to, and its end. */
async function runAndDie({ clientId, path }: Victim, operations: string, lastStep: number) {
  const child = spawn(process.execPath, ['-e', script, operations, String(lastStep)], {
    cwd: root,
    env: {
      ...process.env,
      ...seed,
      STYTCH_BASE_URL: stytch,
      CLIENT_ID: clientId,
      CLIENT_SECRET_FILE: path,
    },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (piece: string) => (text += piece));
  const end = await new Promise<number | NodeJS.Signals>((resolve) => {
    child.once('close', (code, signal) => {
      resolve(signal ?? code ?? 1);
    });
  });
  return { steps: text.split('\n').filter(Boolean), end };
}

/** What a process that comes after the dead one has, before it recovers anything and after. */
async function comeBack({ clientId, path, client }: Victim) {
  const store = new FileSecretStore(path);
  const { credentials, stop } = await ClientCredentials.follow(clientId, store);
  const getToken = () => new AccessTokenProvider({ client, credentials }).getAccessToken(['read:users']);
  const rotation = new SecretRotation({ client, clientId, store });
  try {
    await getToken();
    await rotation.recover();
    await getToken();
    const { m2m_client } = await client.m2m.clients.get({ client_id: clientId });
    const { status } = await rotation.status();
    return { content: (await store.read()).secrets, status, m2m_client };
  } finally {
    stop();
  }
}

async function works({ clientId }: Victim, secret: string): Promise<boolean> {
  const { status } = await call(`${stytch}/v1/public/${seed.STYTCH_PROJECT_ID ?? ''}/oauth2/token`, {
    method: 'POST',
    body: { grant_type: 'client_credentials', client_id: clientId, client_secret: secret },
  });
  return status === 200;
}

async function expectNoRotation(victim: Victim) {
  const { content, status, m2m_client } = await comeBack(victim);
  expect(status).toBe('none');
  expect(Object.keys(content).sort()).toEqual(['lastRotatedAt', 'secret']);
  expect(m2m_client.next_client_secret_last_four ?? null).toBeNull();
  expect(m2m_client.client_secret_last_four).toBe(content.secret.slice(-4));
  expect(await works(victim, content.secret)).toBe(true);
}

async function expectStarted(victim: Victim) {
  const { content, status } = await comeBack(victim);
  expect(status).toBe('started');
  expect(await works(victim, content.secret)).toBe(true);
  expect(await works(victim, content.rotation?.nextSecret ?? '')).toBe(true);
}

function expectTidy({ path }: Victim) {
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readdirSync(join(path, '..')).filter((name) => name !== 'client-secret')).toEqual([]);
}

describe.each([
  { operations: 'rotate', byHand: false, stepsBefore: 0 },
  { operations: 'start', byHand: true, stepsBefore: 0 },
  // The start has been killed above.
  { operations: 'start,complete', byHand: true, stepsBefore: 6 },
  { operations: 'start,cancel', byHand: true, stepsBefore: 6 },
])('a process that is killed while it does $operations', ({ operations, byHand, stepsBefore }) => {
  test('at any step, then the next one has a secret that works, and ends what was begun', async () => {
    const whole = await runAndDie(await createVictim('whole'), operations, 0);
    expect(whole.end).toBe(0);
    expect(whole.steps.length).toBeGreaterThan(5);
    let died = 0;
    const dieAndComeBack = async (step: number) => {
      const victim = await createVictim(`dies at ${step}`);
      const before = readFileSync(victim.path, 'utf8');
      const { steps, end } = await runAndDie(victim, operations, step);
      expect([steps, end]).toEqual([whole.steps.slice(0, step), 'SIGKILL']);
      const left = (await new FileSecretStore(victim.path).read()).secrets;
      const waitsForAHand = byHand && (await isStarted(victim, left.rotation?.nextSecret));
      await (waitsForAHand ? expectStarted(victim) : expectNoRotation(victim));
      // Whatever it was, the next rotation is as any other, and leaves nothing of the dead process behind.
      const { client, clientId, path } = victim;
      const store = new FileSecretStore(path);
      const rotation = new SecretRotation({ client, clientId, store });
      if (waitsForAHand) await rotation.complete();
      const secret = await rotation.rotate();
      expect(await works(victim, secret)).toBe(true);
      expect(await works(victim, before)).toBe(false);
      await expectNoRotation(victim);
      expectTidy(victim);
      died += 1;
    };
    const steps = whole.steps.map((_step, index) => index + 1).slice(stepsBefore);
    while (steps.length > 0) await Promise.all(steps.splice(0, atOnce).map(dieAndComeBack));
    expect(died).toBe(whole.steps.length - stepsBefore);
  }, 120_000);
});

/** Whether a rotation that was started by hand stands: the file knows the next secret, and Stytch has it still. */
async function isStarted({ client, clientId }: Victim, nextSecret: string | undefined): Promise<boolean> {
  if (nextSecret === undefined) return false;
  const { m2m_client } = await client.m2m.clients.get({ client_id: clientId });
  return m2m_client.next_client_secret_last_four === nextSecret.slice(-4);
}

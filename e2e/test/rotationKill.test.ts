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
import { World } from '../helpers/harness';
import type { StytchAdmin } from '../helpers/stytchAdmin';
import { endOf } from '../../tools/src/childProcess';
import { root } from '../../tools/src/program';

/** Compiled once, and run on the built packages, so that each process starts fast. */
const script = transpileModule(readFileSync(join(__dirname, '..', 'helpers', 'rotateAndDie.ts'), 'utf8'), {
  compilerOptions: { module: ModuleKind.CommonJS, target: ScriptTarget.ES2023 },
}).outputText;
/** The number of processes that run in parallel. */
const parallel = 2;

let world: World;
let stytch: StytchAdmin;
let folder: string;

beforeAll(async () => {
  jest.spyOn(console, 'warn').mockImplementation(); // The SDK warns of every address but Stytch's own.
  folder = mkdtempSync(join(tmpdir(), 'rotation-kill-'));
  world = new World();
  stytch = await world.startStytch();
});
afterAll(async () => {
  expect(await world.violations()).toEqual([]);
  rmSync(folder, { recursive: true });
});

/** Creates an M2M client, with its secret in a file. */
async function createVictim(name: string) {
  const { url, seed } = stytch.program;
  const { STYTCH_PROJECT_ID = '', STYTCH_SECRET = '' } = seed;
  const client = new Client({ project_id: STYTCH_PROJECT_ID, secret: STYTCH_SECRET, env: url });
  const { m2m_client } = await client.m2m.clients.create({ client_name: name, scopes: ['read:users'] });
  const path = join(mkdtempSync(join(folder, 'victim-')), 'client-secret');
  writeFileSync(path, m2m_client.client_secret, { mode: 0o600 });
  return { clientId: m2m_client.client_id, path, client };
}

type Victim = Awaited<ReturnType<typeof createVictim>>;

/** Runs rotateAndDie.ts. Returns the steps that it reached, and how it ended. */
async function runAndDie({ clientId, path }: Victim, operations: string, lastStep: number) {
  const child = spawn(process.execPath, ['-e', script, operations, String(lastStep)], {
    cwd: root,
    env: {
      ...process.env,
      ...stytch.program.seed,
      CLIENT_ID: clientId,
      CLIENT_SECRET_FILE: path,
    },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (piece: string) => (text += piece));
  const end = await endOf(child);
  return { steps: text.split('\n').filter(Boolean), end };
}

/** Does what the next process does: gets a token before and after it recovers the rotation. */
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

function works({ clientId }: Victim, secret: string): Promise<boolean> {
  return stytch.acceptsSecret(secret, clientId);
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
  // The case above kills the start at each of its steps.
  { operations: 'start,complete', byHand: true, stepsBefore: 6 },
  { operations: 'start,cancel', byHand: true, stepsBefore: 6 },
])('When a process is killed during $operations', ({ operations, byHand, stepsBefore }) => {
  test('at any step, then the next process has a secret that works, and recovers the rotation', async () => {
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
      const waitsForOperator = byHand && (await isStarted(victim, left.rotation?.nextSecret));
      await (waitsForOperator ? expectStarted(victim) : expectNoRotation(victim));
      // The next rotation works in any case, and removes what the killed process left.
      const { client, clientId, path } = victim;
      const store = new FileSecretStore(path);
      const rotation = new SecretRotation({ client, clientId, store });
      if (waitsForOperator) await rotation.complete();
      const secret = await rotation.rotate();
      expect(await works(victim, secret)).toBe(true);
      expect(await works(victim, before)).toBe(false);
      await expectNoRotation(victim);
      expectTidy(victim);
      died += 1;
    };
    const steps = whole.steps.map((_step, index) => index + 1).slice(stepsBefore);
    while (steps.length > 0) await Promise.all(steps.splice(0, parallel).map(dieAndComeBack));
    expect(died).toBe(whole.steps.length - stepsBefore);
  }, 120_000);
});

/** Whether a rotation by hand is in progress: both the file and Stytch have the next secret. */
async function isStarted({ client, clientId }: Victim, nextSecret: string | undefined): Promise<boolean> {
  if (nextSecret === undefined) return false;
  const { m2m_client } = await client.m2m.clients.get({ client_id: clientId });
  return m2m_client.next_client_secret_last_four === nextSecret.slice(-4);
}

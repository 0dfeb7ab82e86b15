import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endOf } from '../../tools/src/childProcess';
import { builtProgram, root } from '../../tools/src/program';
import { until } from '../helpers/calls';
import { serverEnvironment } from '../helpers/environment';
import { type HttpServer, startHttpServer } from '../helpers/httpServer';

/** Runs a command as process 1 of a PID namespace. As in a container, it ignores signals that have no handler. */
const unshare = ['unshare', '--pid', '--fork', '--kill-child'];
const canBeProcessOne = spawnSync(unshare[0] ?? '', [...unshare.slice(1), 'true']).status === 0;

/** A Stytch that accepts requests and never answers. */
let silent: HttpServer;
let environment: NodeJS.ProcessEnv;
const children = new Set<ChildProcess>();

beforeAll(async () => {
  silent = await startHttpServer();
  environment = serverEnvironment({
    STYTCH_BASE_URL: silent.url,
    CLIENT_ID: 'client-1',
    CLIENT_SECRET: 'client-secret-1',
    OPERATOR_CLIENT_ID: 'client-2',
    OPERATOR_CLIENT_SECRET: 'client-secret-2',
  });
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await silent.stop();
});

/** The signal that each program gets after the first import of its main file, and its exit code. */
const exitCodes = {
  'wallet-server/dist/server.js': ['SIGTERM', 0],
  'payment-server/dist/server.js': ['SIGTERM', 0],
  'packages/local-stytch/dist/server.js': ['SIGINT', 0],
  'tools/dist/start.js': ['SIGINT', 0],
  'tools/dist/watch.js': ['SIGTERM', 0],
  'tools/dist/demo.js': ['SIGINT', 130],
  'tools/dist/setup.js': ['SIGTERM', 143],
  'tools/dist/certs.js': ['SIGTERM', 143],
  'packages/rotate-client-secret/dist/rotateClientSecret.js': ['SIGTERM', 143],
} as const;
type MainFile = keyof typeof exitCodes;

/** The programs that the Dockerfile runs. */
const inContainers: readonly MainFile[] = [
  'wallet-server/dist/server.js',
  'payment-server/dist/server.js',
  'packages/local-stytch/dist/server.js',
  'packages/rotate-client-secret/dist/rotateClientSecret.js',
];

function run(command: readonly string[], more: NodeJS.ProcessEnv = {}) {
  const [file = '', ...args] = command;
  const child = spawn(file, args, { cwd: root, env: { ...environment, ...more }, stdio: 'ignore' });
  children.add(child);
  return { child, ended: endOf(child) };
}

/** Runs programs, each with an early signal. Returns how each ended, by its main file. */
async function endsOf(files: readonly MainFile[], prefix: readonly string[] = []) {
  const first = ['--import', join(__dirname, '..', 'helpers', 'signalFirst.mjs')];
  const ends = files.map(async (file) => {
    const [signal] = exitCodes[file];
    const sources = file.endsWith('watch.js') ? [join(root, 'wallet-server', 'src', 'server.ts')] : [];
    const command = [...prefix, process.execPath, ...first, join(root, file), ...sources];
    return [file, await run(command, { SIGNAL_FIRST: signal }).ended] as const;
  });
  return Object.fromEntries(await Promise.all(ends));
}

const expectedOf = (files: readonly MainFile[]) =>
  Object.fromEntries(files.map((file) => [file, exitCodes[file][1]]));

test('When a signal arrives while modules load, then a server exits with 0, and a command with 128 plus the signal', async () => {
  const files = Object.keys(exitCodes) as MainFile[];

  expect(await endsOf(files)).toEqual(expectedOf(files));
});

test('When the volume of its secret hangs, then a server can still be stopped', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hung-volume-'));
  const file = join(folder, 'secret');
  execFileSync('mkfifo', [file]);
  const secret = { CLIENT_SECRET: '', CLIENT_SECRET_FILE: file };
  const { child, ended } = run([process.execPath, ...builtProgram('payment-server')], secret);
  let writingEnd = -1;
  await until('the server reads its secret', () => {
    writingEnd = openForWriting(file);
    return writingEnd !== -1;
  });

  child.kill('SIGTERM');

  expect(await ended).toBe('SIGKILL');
  closeSync(writingEnd);
  rmSync(folder, { recursive: true });
});

/** Opens a named pipe for writing. Returns -1 while no process reads it. */
function openForWriting(path: string): number {
  try {
    return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    return -1;
  }
}

describe('As process 1 of a container', () => {
  const skipped = () => {
    if (!canBeProcessOne)
      process.stderr.write('Skipped: this machine does not allow "unshare --pid --fork".\n');
    return !canBeProcessOne;
  };

  test('When a signal arrives while modules load, then the program ends', async () => {
    if (skipped()) return;

    expect(await endsOf(inContainers, unshare)).toEqual(expectedOf(inContainers));
  });

  test('When rotate-secret gets SIGTERM while it waits for Stytch, then it ends', async () => {
    if (skipped()) return;
    const requested = once(silent.server, 'request');
    const folder = mkdtempSync(join(tmpdir(), 'rotate-'));
    const file = join(folder, 'client-secret');
    writeFileSync(file, 'client-secret-1');
    const main = join(root, 'packages/rotate-client-secret/dist/rotateClientSecret.js');
    const { child, ended } = run([...unshare, process.execPath, main], { CLIENT_SECRET_FILE: file });
    await requested;

    const parent = String(child.pid);
    const processOne = readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8');
    process.kill(Number(processOne), 'SIGTERM');

    expect(await ended).toBe(143);
    rmSync(folder, { recursive: true });
  });
});

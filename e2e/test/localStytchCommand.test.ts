import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../../tools/src/program';

const cli = join(root, 'packages', 'local-stytch', 'dist', 'cli.js');
const folder = mkdtempSync(join(tmpdir(), 'command-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** The environment of somebody who has no Stytch project. */
const environment = { PATH: process.env.PATH ?? '', HOME: folder };

/** Runs the command in the folder. `ended` resolves to its exit code and its output. */
function run(args: readonly string[], variables: Record<string, string> = {}) {
  const child = spawn(process.execPath, [cli, ...args], {
    cwd: folder,
    env: { ...environment, ...variables },
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (data: Buffer) => (output.stdout += data.toString()));
  child.stderr.on('data', (data: Buffer) => (output.stderr += data.toString()));
  const ended = new Promise<{ code: number | NodeJS.Signals | null } & typeof output>((resolve) => {
    child.once('close', (code, signal) => {
      resolve({ code: code ?? signal, ...output });
    });
  });
  /** Resolves once standard output matches. */
  const printed = async (pattern: RegExp): Promise<string> => {
    while (!pattern.test(output.stdout)) {
      await Promise.race([
        new Promise((resolve) => child.stdout.once('data', resolve)),
        ended.then(({ stderr }) => {
          if (!pattern.test(output.stdout)) throw new Error(`It ended: ${stderr}`);
        }),
      ]);
    }
    return output.stdout;
  };
  return { child, ended, printed };
}

interface Started {
  url: string;
  env: Record<string, string>;
  clients: { id: string; secret?: string }[];
}

/** Starts the command on a free port. */
async function start(args: readonly string[] = [], variables: Record<string, string> = {}) {
  const running = run(['--port', '0', '--json', ...args], variables);
  const line = await running.printed(/\n/);
  return {
    ...(JSON.parse(line) as Started),
    stop: () => {
      running.child.kill('SIGTERM');
      return running.ended;
    },
  };
}

async function token({ url, env }: Started, secret = env.CLIENT_SECRET): Promise<number> {
  const { STYTCH_PROJECT_ID = '', CLIENT_ID = '' } = env;
  const form = { grant_type: 'client_credentials', client_id: CLIENT_ID, client_secret: secret ?? '' };
  const body = new URLSearchParams(form);
  return (await fetch(`${url}/v1/public/${STYTCH_PROJECT_ID}/oauth2/token`, { method: 'POST', body })).status;
}

describe('local-stytch', () => {
  test('When it runs, then it prints lines for .env that work, and SIGTERM ends it with code 0', async () => {
    const running = run(['--port', '0']);
    const text = await running.printed(/CLIENT_SECRET=.*\n/);

    const env = Object.fromEntries(
      [...text.matchAll(/^([A-Z_]+)=(.+)$/gm)].map(([, name, value]) => [name!, value!]),
    );
    expect(Object.keys(env)).toEqual([
      'STYTCH_PROJECT_ID',
      'STYTCH_SECRET',
      'STYTCH_BASE_URL',
      'CLIENT_ID',
      'CLIENT_SECRET',
    ]);
    expect(text).toMatch(/^local-stytch listens on http:\/\/localhost:\d+\. Ctrl-C stops it\.$/m);
    expect(await token({ url: env.STYTCH_BASE_URL!, env, clients: [] })).toBe(200);
    running.child.kill('SIGTERM');
    expect(await running.ended).toMatchObject({ code: 0, stderr: '' });
  });

  test('When a page of the console is open, then it can call the service that is named, and SIGTERM ends it at once', async () => {
    const service = createServer((_request, response) => response.end('"from the service"'));
    await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
    const { port } = service.address() as AddressInfo;
    const { url, stop } = await start(['--service', `orders=http://localhost:${port}`]);
    const stream = await fetch(`${url}/local/events`);
    const call = await fetch(`${url}/local/calls`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ service: 'orders', method: 'GET', path: '/' }),
    });

    expect(await call.json()).toMatchObject({ status: 200, body: '"from the service"' });
    const stopping = performance.now();
    expect(await stop()).toMatchObject({ code: 0, stderr: '' });
    expect(performance.now() - stopping).toBeLessThan(3_000);
    await stream.text().catch(() => undefined);
    await new Promise((resolve) => service.close(resolve));
  });

  test('When it restarts with these lines in .env, then nothing changes and no secret is printed', async () => {
    const first = await start();
    await first.stop();
    const { STYTCH_BASE_URL: url, ...env } = first.env;
    writeFileSync(
      join(folder, '.env'),
      Object.entries(env)
        .map(([name, value]) => `${name}=${value}\n`)
        .join(''),
    );

    const second = run(['--port', new URL(url!).port], { STYTCH_BASE_URL: url! });

    expect(await second.printed(/already points at it/)).not.toContain(env.CLIENT_SECRET);
    expect(await token(first)).toBe(200);
    second.child.kill('SIGINT');
    expect((await second.ended).code).toBe(0);
    rmSync(join(folder, '.env'));
  });

  test('When state is exported and imported, then secrets, clients and signing keys are the same', async () => {
    writeFileSync(
      join(folder, 'seed.yaml'),
      'clients:\n  - name: a\n    scopes: [a:b]\n  - { name: b, scopes: [] }\n',
    );
    const first = await start(['--seed', 'seed.yaml', '--export-on-exit', 'state.json']);
    const kids = async ({ url, env }: Started) =>
      (await (await fetch(`${url}/v1/sessions/jwks/${env.STYTCH_PROJECT_ID ?? ''}`)).json()) as object;
    const before = await kids(first);
    expect((await first.stop()).code).toBe(0);

    const second = await start(['--import', 'state.json']);

    expect(second.env).toEqual({
      STYTCH_PROJECT_ID: first.env.STYTCH_PROJECT_ID,
      STYTCH_BASE_URL: second.url,
      CLIENT_ID: first.env.CLIENT_ID,
    });
    expect(second.clients.map(({ id }) => id)).toEqual(first.clients.map(({ id }) => id));
    expect(await kids(second)).toMatchObject({ keys: (before as { keys: object[] }).keys });
    expect(await token(second, first.env.CLIENT_SECRET)).toBe(200);
    await second.stop();
  });

  test.each<[string, string[], Record<string, string>, RegExp]>([
    ['an unknown option', ['--porte', '1'], {}, /Unknown option '--porte'.*\n.*--help/],
    ['a missing seed file', ['--seed', 'none.yaml'], {}, /^none\.yaml: there is no such file\n$/],
    ['a broken state file', ['--import', 'broken.json'], {}, /^broken\.json is not a state/],
    ['a folder for the state that is missing', ['--export-on-exit', 'none/x.json'], {}, /cannot be saved/],
    ['NODE_ENV=production', [], { NODE_ENV: 'production' }, /NODE_ENV: is production/],
    [
      'NODE_ENV=production with exec',
      ['exec', '--', 'true'],
      { NODE_ENV: 'production' },
      /NODE_ENV: is production/,
    ],
    [
      'the id of a live project',
      [],
      { STYTCH_PROJECT_ID: 'project-live-1' },
      /must begin with project-test-/,
    ],
  ])('When it starts with %s, then it says so and exits 1', async (_what, args, variables, message) => {
    writeFileSync(join(folder, 'broken.json'), '{}');

    const { code, stdout, stderr } = await run(args, variables).ended;

    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/^ +at /m);
  });

  test('When the port is in use, then it says so', async () => {
    const first = await start();

    const { code, stderr } = await run(['--port', new URL(first.url).port]).ended;

    expect(code).toBe(1);
    expect(stderr).toMatch(/port \d+ of 127\.0\.0\.1: it is in use\. Choose another with --port\.\n$/);
    await first.stop();
  });

  test('When --host exposes it, then it prints the token that its admin API requires', async () => {
    const running = run(['--port', '0', '--host', '0.0.0.0']);

    const text = await running.printed(/LOCAL_STYTCH_ADMIN_TOKEN=.+\n/);

    const [, url = ''] = /STYTCH_BASE_URL=(.+)/.exec(text) ?? [];
    const [, adminToken = ''] = /LOCAL_STYTCH_ADMIN_TOKEN=(.+)/.exec(text) ?? [];
    const status = async (headers = {}) => (await fetch(`${url}/local/requests`, { headers })).status;
    expect([await status(), await status({ Authorization: `Bearer ${adminToken}` })]).toEqual([401, 200]);
    running.child.kill('SIGTERM');
    await running.ended;
  });
});

describe('local-stytch exec', () => {
  const node = (script: string) => ['exec', '--', 'node', '-e', script];

  test('When a command runs, then it has the variables, its output is its own, and its exit code is the result', async () => {
    const script = `
      const { STYTCH_BASE_URL: url, STYTCH_PROJECT_ID: id, CLIENT_ID, CLIENT_SECRET } = process.env;
      fetch(url + '/v1/public/' + id + '/oauth2/token', { method: 'POST', body: new URLSearchParams({
        grant_type: 'client_credentials', client_id: CLIENT_ID, client_secret: CLIENT_SECRET }) })
        .then(({ status }) => { console.log(url, status); process.exit(7); });`;

    const { code, stdout, stderr } = await run(node(script), { CLIENT_SECRET: 'of the environment' }).ended;

    expect(stderr).toBe('');
    expect(stdout).toMatch(/^http:\/\/localhost:\d+ 200\n$/);
    expect(code).toBe(7);
    await expect(fetch(stdout.split(' ')[0]!)).rejects.toThrow('fetch failed');
  });

  test('When the command does not exist, then the exit code is 127', async () => {
    expect(await run(['exec', '--', 'no-such-command']).ended).toEqual({
      code: 127,
      stdout: '',
      stderr: 'local-stytch: no-such-command: there is no such command\n',
    });
  });

  test('When a signal ends the command, then the exit code is 128 and its number', async () => {
    expect((await run(node("process.kill(process.pid, 'SIGKILL')")).ended).code).toBe(137);
  });

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'When it gets %s, then the command and what that started get it, and it waits for them',
    async (signal) => {
      const child = `setInterval(() => {}, 1000); process.on('${signal}', () => { console.log('child'); process.exit(); }); process.send('ready');`;
      const script = `
        const child = require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(child)}], {
          stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
        child.on('message', () => console.log('ready ' + child.pid));
        process.on('${signal}', () => child.on('exit', () => { console.log('command'); process.exit(5); }));`;
      const running = run([...node(script)]);
      const [, pid] = /ready (\d+)/.exec(await running.printed(/ready \d+\n/)) ?? [];

      running.child.kill(signal);

      const { code, stdout } = await running.ended;
      expect(stdout).toMatch(/child\ncommand\n$/);
      expect(code).toBe(5);
      expect(existsSync(`/proc/${pid ?? ''}`)).toBe(false);
    },
  );

  test('When it exports its state, then the file is there and no other', async () => {
    const before = readdirSync(folder);

    const { code } = await run(['exec', '--export-on-exit', 'after.json', '--', 'node', '-e', '0']).ended;

    expect(code).toBe(0);
    expect(readdirSync(folder).filter((name) => !before.includes(name))).toEqual(['after.json']);
    expect(JSON.parse(readFileSync(join(folder, 'after.json'), 'utf8'))).toMatchObject({ version: 1 });
  });
});

describe('The program of this repository', () => {
  test('When its parent sends services and scenarios, then the console has them; a wrong message is refused', async () => {
    const child = fork(join(root, 'packages', 'local-stytch', 'dist', 'server.js'), {
      cwd: folder,
      env: { ...environment, PORT: '0', DOTENV: 'off', LOG_LEVEL: 'silent' },
      silent: true,
    });
    let errors = '';
    child.stderr?.on('data', (data: Buffer) => (errors += data.toString()));
    const announced: { listening?: string; seed?: object } = {};
    while (announced.listening === undefined || announced.seed === undefined) {
      const [message] = (await once(child, 'message')) as [object];
      Object.assign(announced, message);
    }
    const content = async () =>
      (await (await fetch(`${announced.listening}/local/console`)).json()) as {
        services: { name: string }[];
      };
    const step = { title: 'Call it', call: { service: 'orders', method: 'GET', path: '/orders' } };
    const scenarios = [{ id: 'one', title: 'One', sentence: 'It calls.', steps: [step] }];

    child.send({ console: { services: [{ name: 'orders', url: 'http://evil.example' }] } });
    while (errors === '') await once(child.stderr!, 'data');
    child.send({ console: { services: [{ name: 'orders', url: 'http://localhost:3000' }], scenarios } });
    while ((await content()).services.length === 0);

    expect(errors).toMatch(/^local-stytch: the message for the console is refused: services\.0\.url: .*\n$/);
    expect(await content()).toMatchObject({ services: [{ name: 'orders' }], scenarios });
    const stream = await fetch(`${announced.listening}/local/events`);
    child.disconnect();
    expect(await once(child, 'exit')).toEqual([0, null]);
    await stream.text().catch(() => undefined);
  });
});

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, type Environment, loadEnvironment } from 'service-kit';
import { Client } from 'stytch';
import { type LocalStytch, start } from '../../packages/local-stytch/src/server';
import { setup, writeVariables } from '../src/setup';

const stopReason = new Error('stopped');

let stytch: LocalStytch;
let project: Environment;
let directory: string;
let printed: string[];

const print = (line: string) => {
  printed.push(line);
};
const environment = () => loadEnvironment([directory], project);
const clientOf = () =>
  new Client({ project_id: project.STYTCH_PROJECT_ID!, secret: project.STYTCH_SECRET!, env: stytch.url });

beforeAll(async () => {
  jest.spyOn(console, 'warn').mockImplementation(); // The SDK warns about every address other than Stytch's.
  stytch = await start({ PORT: '0', LOG_LEVEL: 'silent' });
  const { STYTCH_PROJECT_ID, STYTCH_SECRET, STYTCH_BASE_URL } = stytch.seed;
  project = {
    STYTCH_PROJECT_ID: STYTCH_PROJECT_ID!,
    STYTCH_SECRET: STYTCH_SECRET!,
    STYTCH_BASE_URL: STYTCH_BASE_URL!,
  };
});
afterAll(() => stytch.close());

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'setup-'));
  printed = [];
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

describe('npm run setup', () => {
  test('When the project has no clients yet, then both are created and their credentials work', async () => {
    writeFileSync(join(directory, '.env'), 'LOG_LEVEL=debug\nCLIENT_ID=\n# kept\n');

    await setup(directory, environment(), print);

    const written = environment();
    const token = async (id: string, secret: string, scope: string) =>
      clientOf().m2m.token({ client_id: written[id]!, client_secret: written[secret]!, scopes: [scope] });
    await expect(token('CLIENT_ID', 'CLIENT_SECRET', 'read:users')).resolves.toMatchObject({
      token_type: 'bearer',
    });
    await expect(
      token('OPERATOR_CLIENT_ID', 'OPERATOR_CLIENT_SECRET', 'manage:m2m_clients'),
    ).resolves.toMatchObject({ token_type: 'bearer' });
    const text = readFileSync(join(directory, '.env'), 'utf8');
    expect(text).toContain('LOG_LEVEL=debug\n# kept\n');
    expect(text.match(/^CLIENT_ID=/gm)).toHaveLength(1);
    expect(statSync(join(directory, '.env')).mode & 0o777).toBe(0o600);
    expect(printed.join('\n')).not.toContain(written.CLIENT_SECRET);
  });

  test('When it is stopped, then the client that was created is in .env, and a second run creates the other', async () => {
    const stopping = new AbortController();
    const stopAndPrint = (line: string) => {
      stopping.abort(stopReason);
      print(line);
    };

    await expect(setup(directory, environment(), stopAndPrint, stopping.signal)).rejects.toBe(stopReason);
    const { CLIENT_ID, OPERATOR_CLIENT_ID } = environment();
    expect([CLIENT_ID, OPERATOR_CLIENT_ID]).toEqual([expect.any(String), undefined]);

    await setup(directory, environment(), print);

    expect(environment()).toMatchObject({ CLIENT_ID, OPERATOR_CLIENT_ID: expect.any(String) as string });
  });

  test('When it runs a second time, then it creates nothing', async () => {
    await setup(directory, environment(), print);
    const first = readFileSync(join(directory, '.env'), 'utf8');
    printed = [];

    await setup(directory, environment(), print);

    expect(readFileSync(join(directory, '.env'), 'utf8')).toBe(first);
    expect(printed[0]).toBe('payment-service: CLIENT_ID and CLIENT_SECRET are already set, nothing to do.');
  });

  test('When Stytch fails after the first client, then a second run keeps it and creates the other', async () => {
    await setup(directory, environment(), print);
    writeFileSync(
      join(directory, '.env'),
      readFileSync(join(directory, '.env'), 'utf8').replace(/^OPERATOR.*\n/gm, ''),
    );
    const before = environment();
    await fetch(`${stytch.url}/local/faults`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ path: '/v1/m2m/clients', kind: 'status', status: 500, count: 1 }),
    });

    await expect(setup(directory, environment(), print)).rejects.toThrow('Stytch answered 500');
    await setup(directory, environment(), print);

    expect(environment()).toMatchObject({ CLIENT_ID: before.CLIENT_ID, CLIENT_SECRET: before.CLIENT_SECRET });
    expect(environment().OPERATOR_CLIENT_ID).toMatch(/^m2m-client-test-/);
  });

  test('When the secret of a client is in a file, then that client is not created', async () => {
    const inFile = {
      ...project,
      CLIENT_ID: 'm2m-client-test-1',
      CLIENT_SECRET_FILE: '/secrets/client-secret',
    };

    await setup(directory, inFile, print);

    expect(environment().CLIENT_ID).toBeUndefined();
    expect(environment().OPERATOR_CLIENT_ID).toMatch(/^m2m-client-test-/);
  });

  test('When a client has an id and no secret, then the setup says so and changes nothing', async () => {
    const half = { ...project, CLIENT_ID: 'm2m-client-test-1' };

    await expect(setup(directory, half, print)).rejects.toThrow(
      'Only one of CLIENT_ID and CLIENT_SECRET is set',
    );

    expect(environment().OPERATOR_CLIENT_ID).toBeUndefined();
  });

  test('When the credentials of the project are missing, then it says which and where to find them', async () => {
    await expect(setup(directory, {}, print)).rejects.toThrow(
      /STYTCH_PROJECT_ID: is missing(.|\n)*STYTCH_SECRET: is missing(.|\n)*dashboard/,
    );
  });

  test('When the credentials of the project are wrong, then it reports the error of Stytch and writes nothing', async () => {
    const wrong = { ...project, STYTCH_SECRET: 'secret-test-wrong' };

    await expect(setup(directory, wrong, print)).rejects.toThrow('unauthorized_credentials');

    expect(environment().CLIENT_ID).toBeUndefined();
  });

  test('When the .env file cannot be read, then it is not changed', () => {
    expect(() => {
      writeVariables(directory, { CLIENT_ID: 'x' }); // A folder in place of the file.
    }).toThrow(ConfigError);
  });
});

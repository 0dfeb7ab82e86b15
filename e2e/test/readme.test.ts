import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import ts from 'typescript';
import { root } from '../../tools/src/program';
import { call, until } from '../helpers/calls';
import { freePorts } from '../helpers/freePorts';
import { World } from '../helpers/harness';

/** The options of `tsc --init`. */
const compilerOptions: ts.CompilerOptions = {
  module: ts.ModuleKind.NodeNext,
  target: ts.ScriptTarget.ES2023,
  types: ['node'],
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  isolatedModules: true,
  skipLibCheck: true,
};

/** The TypeScript snippets of a README. */
function snippets(readme: string): string[] {
  const text = readFileSync(join(root, readme), 'utf8');
  return Array.from(text.matchAll(/^```ts\n([^]*?)^```$/gm), ([, snippet = '']) => snippet);
}

/** The programs of the README, by the beginnings of their file names. */
const programs = {
  'root-server': snippets('README.md')[0],
  'root-client': snippets('README.md')[1],
};
type ProgramName = keyof typeof programs;
const moduleKinds = { CommonJS: 'c', 'an ES module': 'm' } as const;

describe('The snippets of the README', () => {
  const world = new World();
  let folder: string;
  let environment: NodeJS.ProcessEnv;
  let typeErrors: string[];

  beforeAll(async () => {
    // In node_modules, so that packages resolve and other tools ignore the folder.
    folder = mkdtempSync(join(root, 'node_modules', '.readme-'));
    const { seed } = (await world.startStytch()).program;
    environment = { PATH: process.env['PATH'], ...seed };
    const files = Object.entries(programs).flatMap(([name, snippet = '']) =>
      Object.values(moduleKinds).map((kind) => {
        const file = join(folder, `${name}.${kind}ts`);
        writeFileSync(file, snippet);
        return file;
      }),
    );
    const program = ts.createProgram(files, compilerOptions);
    const diagnostics = ts.getPreEmitDiagnostics(program);
    typeErrors = diagnostics.map(({ file, messageText }) => {
      return `${file?.fileName ?? ''}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
    });
    program.emit();
  });

  afterAll(async () => {
    await world.stop();
    rmSync(folder, { recursive: true });
  });

  /** Runs a compiled snippet and collects its output. */
  function run(name: ProgramName, kind: 'c' | 'm', own: NodeJS.ProcessEnv) {
    const child: ChildProcess = spawn(process.execPath, [join(folder, `${name}.${kind}js`)], {
      env: { ...environment, ...own },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const written = { output: '', errors: '' };
    child.stdout?.on('data', (piece) => (written.output += String(piece)));
    child.stderr?.on('data', (piece) => (written.errors += String(piece)));
    const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, ...written }));
    return { child, ended };
  }

  test('All of them are run by a test below', () => {
    expect(snippets('README.md')).toHaveLength(2);
  });

  test('When they are compiled with strict options, as CommonJS and as ES modules, then there are no type errors', () => {
    expect(typeErrors).toEqual([]);
  });

  describe.each(Object.entries(moduleKinds))('When each is %s', (_name, kind) => {
    test('then the client gets an answer from the server', async () => {
      const [PORT = ''] = await freePorts(1);
      const url = `http://localhost:${PORT}`;
      const server = run('root-server', kind, { PORT });
      try {
        await until('it listens', async () => (await call(`${url}/api/check-balance`)).status > 0);

        const refused = await call(`${url}/api/check-balance`, { method: 'POST' });
        const client = await run('root-client', kind, { WALLET_SERVER_URL: url }).ended;

        expect(refused.status).toBe(401);
        expect(client).toMatchObject({
          code: 0,
          output: expect.stringContaining('{ calledBy:') as unknown,
        });
        expect(client.output).toContain(environment['CLIENT_ID']);
      } finally {
        server.child.kill();
        await server.ended;
      }
    });
  });

  test('When the port of the server is in use, then it says so and fails', async () => {
    const taken = createServer().listen(0);
    await once(taken, 'listening');
    const PORT = String((taken.address() as AddressInfo).port);

    const { code, errors } = await run('root-server', 'c', { PORT }).ended;

    taken.close();
    expect(code).toBe(1);
    expect(errors).toContain(`EADDRINUSE`);
    expect(errors).toContain(PORT);
  });
});

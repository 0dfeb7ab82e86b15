import { utimesSync } from 'node:fs';
import { join } from 'node:path';
import { type Program, root, startProgram } from '../../tools/src/program';
import { call, until } from '../helpers/calls';
import { serverEnvironment } from '../helpers/environment';

describe('npm run dev', () => {
  const lines: string[] = [];
  const listening = () => lines.filter((line) => line.includes('"msg":"listening"')).length;
  let wallet: Program;

  beforeAll(async () => {
    wallet = await startProgram({
      name: 'wallet-server',
      environment: serverEnvironment(),
      onLine: (_name, line) => lines.push(line),
      watch: true,
    });
  });
  afterAll(() => wallet.stop());

  test('When it has started, then a server answers from the TypeScript sources', async () => {
    expect((await call(`${wallet.url}/healthz`)).status).toBe(200);
  });

  test.each([
    join('wallet-server', 'src', 'middleware', 'authorizeToken.ts'),
    join('packages', 'stytch-m2m', 'src', 'resource', 'scopes.ts'),
    join('wallet-server', 'src', 'app.ts'),
  ])('When %s changes, then the server restarts', async (file) => {
    const before = listening();

    utimesSync(join(root, file), new Date(), new Date());

    await until('the server listens again', () => Promise.resolve(listening() > before));
  });
});

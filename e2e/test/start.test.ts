import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import axios from 'axios';
import type { ConsoleInfo } from '../../packages/local-stytch/src/consoleApi';
import { createLineFormat } from '../../tools/src/output';
import { startProgram } from '../../tools/src/program';
import { start } from '../../tools/src/start';
import { hasNoCredentials, type Stack } from '../../tools/src/stack';
import { call, until } from '../helpers/calls';
import { serverEnvironment } from '../helpers/environment';

const stopReason = new Error('stopped');

const environment = { PORT: '0', LOG_LEVEL: 'info' };

/** What it prints itself, without the lines of the programs. */
function afterStart(printed: string[]): string {
  return printed.filter((text) => !/^[\w-]+ +\| /.test(text)).join('\n');
}

describe('npm start', () => {
  let stack: Stack;
  const printed: string[] = [];

  beforeAll(async () => {
    stack = await start({
      environment,
      local: true,
      print: (text) => {
        printed.push(text);
      },
    });
  });
  afterAll(() => stack.stop());

  test('When everything is running, then it prints the addresses, and each line has the name of its program', () => {
    const text = printed.join('\n');

    for (const { name, url } of stack.programs) expect(text).toContain(`  ${name.padEnd(16)}${url}`);
    expect(/https?:\/\/\S+/.exec(afterStart(printed))?.[0]).toBe(stack.localStytch!.url);
    expect(afterStart(printed).match(/curl /g)).toHaveLength(2);
    expect(text).toMatch(/^wallet-server {2}\| \[[\d:.]+\] INFO: listening/m);
    expect(text).toContain('no account, no network');
  });

  test("When the article's call is made, then the answer is the article's", async () => {
    const { data } = await axios.get<unknown>(`${stack.payment.url}/initiate-payment`, {
      responseType: 'text',
    });

    expect(data).toBe('"john_doe your payment of 769 to yh809ikol7plo98 was successful!"');
  });

  test('When the printed token request is made, then the admin routes accept the token', async () => {
    const text = printed.join('\n');
    const endpoint = /curl -s (\S+\/oauth2\/token)/.exec(text)![1]!;
    const form = [...text.matchAll(/ -d ((?:grant_type|client_id|client_secret)=\S+)/g)].map(
      (match) => match[1],
    );
    const { data } = await axios.post<{ access_token: string }>(endpoint, form.join('&'));

    const search = await axios.get<{ search_Result: { results_metadata: { total: number } } }>(
      `${stack.payment.url}/search-m2m-client`,
      { headers: { Authorization: `Bearer ${data.access_token}` } },
    );

    expect(search.data.search_Result.results_metadata.total).toBe(1);
  });

  test('When the console asks, then it knows both services and the steps of the article', async () => {
    const info = await until('local-stytch knows the services', async () => {
      const { json } = await call(`${stack.localStytch!.url}/local/console`);
      const { services, scenarios } = json as ConsoleInfo;
      return services.length > 0 && { services, scenarios };
    });

    expect(info.services).toEqual([
      { name: 'payment-server', url: stack.payment.url },
      { name: 'wallet-server', url: stack.wallet.url },
    ]);
    expect(info.scenarios[0]).toMatchObject({ id: 'payment', title: 'Make the payment' });
    expect(new Set(info.scenarios.map(({ id }) => id)).size).toBe(14);
  });

  test('When a request is answered, then it prints one line for each server that answers it', async () => {
    const before = printed.length;

    await call(`${stack.payment.url}/initiate-payment`);
    await until('both lines are printed', () => printed.length >= before + 2);

    const lines = printed.slice(before).map((line) => line.split(' ')[0]);
    // The two processes write at their own pace.
    expect(lines.sort()).toEqual(['payment-server', 'wallet-server']);
  });

  test('When a program is killed, then the stack reports which', async () => {
    stack.wallet.process.kill('SIGKILL');

    await expect(stack.broken).resolves.toBe('wallet-server ended unexpectedly (SIGKILL)');
  });
});

test('When a port is in use, then it says which and how to choose another, and nothing is left running', async () => {
  const holder = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => holder.once('listening', resolve));
  const { port } = holder.address() as AddressInfo;
  const printed: string[] = [];

  const starting = start({
    environment,
    own: { 'wallet-server': { PORT: String(port) } },
    local: true,
    print: (text) => {
      printed.push(text);
    },
  });

  await expect(starting).rejects.toThrow('wallet-server ended (1) before it listened');
  expect(printed.join('\n')).toContain(
    `port ${port} on 127.0.0.1 is in use; stop the program that uses it, or choose another port with PORT=${port + 1} in the .env of wallet-server.`,
  );
  expect(printed.join('\n')).toMatch(/local-stytch +\| .*stopping/);
  holder.close();
});

test('When it is stopped during the start, then nothing is left running', async () => {
  const stopping = new AbortController();
  const printed: string[] = [];

  const starting = start({
    environment,
    local: true,
    signal: stopping.signal,
    print: (text) => {
      printed.push(text);
      stopping.abort(stopReason);
    },
  });

  await expect(starting).rejects.toBe(stopReason);
  expect(printed.at(-1)).toMatch(/^local-stytch .*stopping/);
});

test('When it runs against a Stytch project, then it says that there is no console', async () => {
  const printed: string[] = [];
  const project = { ...serverEnvironment(), CLIENT_ID: 'm2m-client-test-1', CLIENT_SECRET: 'secret' };

  const stack = await start({ environment: project, print: (text) => printed.push(text) });
  await stack.stop();

  expect(stack.localStytch).toBeUndefined();
  expect(afterStart(printed)).toContain('There is no console in the browser');
});

test('When a setting is wrong, then the server names it and exits with 1', async () => {
  const lines: string[] = [];

  const starting = startProgram({
    name: 'payment-server',
    environment: { ...process.env, PORT: 'six thousand' },
    onLine: (_name, line) => lines.push(line),
  });

  await expect(starting).rejects.toThrow('payment-server ended (1) before it listened');
  expect(lines).toContain('  PORT: must be a whole number from 0 to 65535');
});

test('When the environment has a project, then npm start does not start local-stytch', () => {
  expect(hasNoCredentials({ STYTCH_PROJECT_ID: 'project-test-1' })).toBe(false);
});

test('When the terminal has colours, then the name of a program is coloured', () => {
  expect(createLineFormat(true)('wallet-server', 'text')).toContain('\u001b[36mwallet-server');
});

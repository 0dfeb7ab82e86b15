import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import axios from 'axios';
import { createLineFormat } from '../../tools/src/output';
import { startProgram } from '../../tools/src/program';
import { start } from '../../tools/src/start';
import { hasNoCredentials, type Stack } from '../../tools/src/stack';

const stopReason = new Error('stopped');

const environment = { PORT: '0', LOG_LEVEL: 'info' };

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

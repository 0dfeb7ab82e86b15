import './closedNetwork';
import { join } from 'node:path';
import request from 'supertest';
import { z } from 'zod';
import { createBaseApp, createMetrics, crossFieldChecks, readConfig, serverSettings } from '../src/index';
import { createLogger } from '../src/logger';
import { startServer } from '../src/startServer';
import { createTestLogger, type TestLogger } from './testLogger';

jest.mock('../src/logger', () => {
  const actual = jest.requireActual<typeof import('../src/logger')>('../src/logger');
  return { ...actual, createLogger: jest.fn(actual.createLogger) };
});

const folder = join(__dirname, '..');
let log: TestLogger;

beforeEach(() => {
  log = createTestLogger();
  jest.mocked(createLogger).mockReturnValueOnce(log.logger);
});

const start = (environment: Record<string, string> = {}) => {
  const schema = z.object(serverSettings(0)).check(crossFieldChecks);
  const options = { name: 'test', folder, config: readConfig(schema, environment), metrics: createMetrics() };
  return startServer(options, () => ({ createApp: (base) => createBaseApp(base, () => undefined) }));
};

test('When INSECURE_HTTP_HOSTS names hosts, then the log warns of them', async () => {
  const server = await start({ NODE_ENV: 'development', INSECURE_HTTP_HOSTS: 'local-stytch, wallet' });

  expect(log.lines).toContainEqual(
    expect.objectContaining({
      level: 40,
      hosts: ['local-stytch', 'wallet'],
      msg: expect.stringContaining('unencrypted'),
    }),
  );
  await server.close();
});

test('When INSECURE_HTTP_HOSTS is not set, then the log has no warning', async () => {
  const server = await start();

  expect(log.lines.filter(({ level }) => level > 30)).toEqual([]);
  await server.close();
});

test('When a server runs, then /metrics includes the metrics of its process, and its version', async () => {
  const server = await start();

  const { text } = await request(server.url).get('/metrics');

  expect(text).toContain('process_cpu_seconds_total');
  expect(text).toMatch(/^build_info\{version="\d+\.\d+\.\d+"\} 1$/m);
  await server.close();
});

test('When the parts start and stop, then it is after listening and after the last answer', async () => {
  const steps: string[] = [];
  const config = readConfig(z.object(serverSettings(0)), {});
  const server = await startServer({ name: 'test', folder, config, metrics: createMetrics() }, () => ({
    createApp: (base) => createBaseApp(base, () => undefined),
    isReady: () => steps.includes('start'),
    start: () => steps.push('start'),
    stop: () => steps.push('stop'),
  }));

  expect(steps).toEqual(['start']);
  await request(server.url).get('/readyz').expect(200);
  await server.close();
  expect(steps).toEqual(['start', 'stop']);
});

test('When a server becomes ready, then server_ready changes from 0 to 1', async () => {
  const config = readConfig(z.object(serverSettings(0)), {});
  let ready = false;
  const server = await startServer({ name: 'test', folder, config, metrics: createMetrics() }, () => ({
    createApp: (base) => createBaseApp(base, () => undefined),
    isReady: () => ready,
  }));
  const metrics = async () => (await request(server.url).get('/metrics')).text;

  expect(await metrics()).toContain('\nserver_ready 0\n');
  ready = true;
  expect(await metrics()).toContain('\nserver_ready 1\n');
  await server.close();
});

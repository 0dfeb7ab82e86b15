import '../../packages/service-kit/test/closedNetwork';
import { readFileSync } from 'node:fs';
import { Client } from 'stytch';
import { stytchDispatcher } from 'stytch-m2m';
import { secretMark } from '../../packages/service-kit/test/testLogger';
import { readWalletConfig } from '../src/config';
import { start } from '../src/server';
import { createStytchProject, projectId, projectSecret, type StytchProject } from './stytchProject';

jest.mock('stytch', () => ({ ...jest.requireActual<object>('stytch'), Client: jest.fn() }));

const environment = {
  PORT: '0',
  LOG_LEVEL: 'silent',
  STYTCH_PROJECT_ID: projectId,
  STYTCH_SECRET: projectSecret,
};

describe('start', () => {
  let project: StytchProject;

  beforeEach(async () => {
    project = await createStytchProject();
    jest
      .mocked(Client)
      .mockReset()
      .mockImplementation(() => project.client);
  });

  test('When it starts, then it listens on loopback, and is ready after it has fetched the JWKS', async () => {
    let deliver: () => void = () => undefined;
    const delivered = new Promise<void>((resolve) => {
      deliver = resolve;
    });
    const jwks = await project.client.sessions.getJWKS({ project_id: projectId });
    project.getJWKS.mockClear().mockImplementation(() => delivered.then(() => jwks));

    const server = await start(environment);
    expect(server.url).toBe(`http://localhost:${server.port}`);
    const early = await fetch(`${server.url}/readyz`);
    expect([early.status, await early.json()]).toEqual([503, { status: 'not_ready' }]);
    expect(project.getJWKS).toHaveBeenCalledTimes(1);
    deliver();
    const balance = await fetch(`${server.url}/api/check-balance`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${await project.mint()}` },
      body: JSON.stringify({ customerId: '67uhjio098uhgt6l' }),
    });

    expect(await balance.json()).toMatchObject({ customerName: 'john_doe' });
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
    expect(project.getJWKS.mock.calls).toEqual([[{ project_id: projectId }]]);
    await server.close();
    await expect(fetch(`${server.url}/readyz`)).rejects.toThrow('fetch failed');
  });

  test('When requests are authorized or refused, then /metrics counts them by outcome', async () => {
    const server = await start(environment);
    const ask = (headers: Record<string, string>) =>
      fetch(`${server.url}/api/check-balance`, { method: 'POST', headers });

    await ask({ Authorization: `Bearer ${await project.mint()}` });
    await ask({ Authorization: `Bearer ${await project.mint({ scope: 'other' })}` });
    await ask({ Authorization: 'Bearer garbage' });
    await ask({});
    const metrics = await (await fetch(`${server.url}/metrics`)).text();

    for (const outcome of ['allowed', 'insufficient_scope', 'invalid_token', 'unauthorized']) {
      expect(metrics).toContain(`authorizations_total{outcome="${outcome}"} 1`);
    }
    for (const figure of [
      'authorizations_total{outcome="authorization_unavailable"} 0',
      'jwks_fetches_total{result="fetched"} 1',
      'jwks_fetches_total{result="failed"} 0',
      'http_request_duration_seconds_count{method="POST",route="/api/check-balance",status="503"} 0',
    ]) {
      expect(metrics.split('\n')).toContain(figure);
    }
    expect(metrics).toMatch(/^jwks_last_fetch_timestamp_seconds \d{10}/m);
    expect(metrics).toContain('process_resident_memory_bytes');
    await server.close();
  });

  test.each([
    ['is set', { STYTCH_BASE_URL: 'http://localhost:5005/' }, { env: 'http://localhost:5005' }],
    ['is not set', {}, {}],
  ])('When STYTCH_BASE_URL %s, then the SDK uses that address, or else its own', async (_name, more, env) => {
    const server = await start({ ...environment, ...more });

    expect(jest.mocked(Client).mock.calls).toEqual([
      [{ project_id: projectId, secret: projectSecret, dispatcher: stytchDispatcher, ...env }],
    ]);
    await server.close();
  });

  test('When a setting is missing, then no client is created', async () => {
    await expect(start({ PORT: '0' })).rejects.toMatchObject({ name: 'ConfigError' });

    expect(Client).not.toHaveBeenCalled();
  });
});

describe('readWalletConfig', () => {
  test('When there are no credentials, then the message names them and both ways to get them', () => {
    const read = () => readWalletConfig({});

    expect(read).toThrow('STYTCH_PROJECT_ID: is missing: the id of your Stytch project');
    expect(read).toThrow('STYTCH_SECRET: is missing: the secret of your Stytch project');
    expect(read).toThrow(/without an account: run "npm start".*or "npm run local-stytch"/);
    expect(read).toThrow(
      /with an account: put the project's id and secret from https:\/\/stytch\.com\/dashboard/,
    );
  });

  test('When a setting is invalid, then the message names it and quotes no secret', () => {
    const read = () =>
      readWalletConfig({ STYTCH_SECRET: secretMark, STYTCH_BASE_URL: 'http://stytch.example' });

    expect(read).toThrow(/STYTCH_BASE_URL: must be https:\/\//);
    expect(read).not.toThrow(secretMark);
  });

  test('When ALLOWED_CLIENT_NAMES is set without a CA, then the message asks for TLS_CA_FILE', () => {
    const pair = { TLS_CERT_FILE: 'c', TLS_KEY_FILE: 'k' };
    const wanted = { ...environment, ...pair, ALLOWED_CLIENT_NAMES: 'payment-server, spiffe://a/b' };

    expect(() => readWalletConfig(wanted)).toThrow(
      'ALLOWED_CLIENT_NAMES: needs TLS_CA_FILE: without it no client sends a certificate',
    );
    expect(readWalletConfig({ ...wanted, TLS_CA_FILE: 'a' }).ALLOWED_CLIENT_NAMES).toEqual([
      'payment-server',
      'spiffe://a/b',
    ]);
  });

  test("When the project's secret is in a file, then it is read", () => {
    const inFile = { STYTCH_PROJECT_ID: projectId, STYTCH_SECRET_FILE: __filename };

    expect(readWalletConfig(inFile).STYTCH_SECRET).toBe(readFileSync(__filename, 'utf8').trimEnd());
  });

  test('When only the credentials are set, then it listens on 127.0.0.1:4000', () => {
    expect(readWalletConfig({ STYTCH_PROJECT_ID: projectId, STYTCH_SECRET: projectSecret })).toEqual({
      PORT: 4000,
      HOST: '127.0.0.1',
      OTEL_BSP_SCHEDULE_DELAY: 5_000,
      OTEL_SDK_DISABLED: false,
      OTEL_TRACES_SAMPLER: 'parentbased_always_on',
      OTEL_TRACES_SAMPLER_ARG: 1,
      LOG_LEVEL: 'info',
      SHUTDOWN_DELAY_SECONDS: 0,
      STYTCH_PROJECT_ID: projectId,
      STYTCH_SECRET: projectSecret,
    });
  });
});

import { execFileSync } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { root } from '../../tools/src/program';
import type { Program } from '../../tools/src/program';
import { start } from '../../tools/src/start';
import type { Stack } from '../../tools/src/stack';
import { call, checkBalance, pay, paid, summary, until } from '../helpers/calls';
import { serverEnvironment } from '../helpers/environment';
import { World } from '../helpers/harness';

const callerSpan = 'b7ad6b7169203331';
const traceparent = (traceId: string, flags = '01') => ({
  traceparent: `00-${traceId}-${callerSpan}-${flags}`,
});
const idOf = (digit: number) => String(digit).repeat(32);

interface Span {
  span_id: string;
  parent_span_id: string | null;
  service: string;
  name: string;
  start_milliseconds: number;
  duration_milliseconds: number;
  attributes: Record<string, unknown>;
  status: { code: string; message: string | null };
}

/** Waits until local-stytch has this many spans of a trace. */
function spansOf({ url }: Pick<Program, 'url'>, traceId: string, count: number): Promise<Span[]> {
  return until(`there are ${count} spans`, async () => {
    const { json } = await call(`${url}/local/traces/${traceId}`);
    const { spans = [] } = json as { spans?: Span[] };
    return spans.length >= count && spans;
  });
}

/** The spans as `service: name`, each indented under its parent. */
function tree(spans: Span[], parent = callerSpan, indent = ''): string[] {
  return spans
    .filter((span) => span.parent_span_id === parent)
    .flatMap((span) => [
      `${indent}${span.service}: ${span.name}`,
      ...tree(spans, span.span_id, `${indent}  `),
    ]);
}

function named(spans: Span[], name: string): Span {
  return spans.find((span) => span.name === name)!;
}

describe('With npm start', () => {
  let stack: Stack;
  const lines: string[] = [];

  beforeAll(async () => {
    stack = await start({
      environment: { PORT: '0', DOTENV: 'off' },
      local: true,
      print: (text) => lines.push(text),
    });
    await until('the payment-server is ready', async () => {
      return (await call(`${stack.payment.url}/readyz`)).status === 200;
    });
  });
  afterAll(() => stack.stop());

  test("When a payment is made, then its trace has every step, from the caller's span on", async () => {
    expect(summary(await pay(stack.payment, traceparent(idOf(1))))).toEqual(paid);

    const spans = await spansOf(stack.localStytch!, idOf(1), 8);

    expect(tree(spans)).toEqual([
      'payment-server: GET /initiate-payment',
      '  payment-server: getAccessToken',
      '    payment-server: token request',
      '      local-stytch: POST /v1/public/:projectId/oauth2/token',
      '  payment-server: checkBalance',
      '    payment-server: POST /api/check-balance',
      '      wallet-server: POST /api/check-balance',
      '        wallet-server: authorizeToken',
    ]);
    expect(named(spans, 'getAccessToken').attributes).toMatchObject({ 'access_token.source': 'issued' });
    expect(named(spans, 'authorizeToken').attributes).toMatchObject({
      'authorization.outcome': 'allowed',
      'authorization.token_cached': false,
    });
    expect(JSON.stringify(spans)).not.toMatch(/eyJ|67uhjio098uhgt6l|secret-test/);
  });

  test('When a step is inside another, then it begins later, and all steps fit into the request', async () => {
    const spans = await spansOf(stack.localStytch!, idOf(1), 8);
    // Two processes read two clocks.
    const tolerance = 5;

    for (const span of spans) {
      const outer = spans.find(({ span_id }) => span_id === span.parent_span_id);
      if (!outer) continue;
      expect(span.start_milliseconds).toBeGreaterThanOrEqual(outer.start_milliseconds - tolerance);
      expect(span.duration_milliseconds).toBeLessThanOrEqual(outer.duration_milliseconds + tolerance);
    }
    const steps = ['getAccessToken', 'checkBalance'].map((name) => named(spans, name).duration_milliseconds);
    const whole = named(spans, 'GET /initiate-payment').duration_milliseconds;
    expect(steps[0]! + steps[1]!).toBeLessThanOrEqual(whole + tolerance);
  });

  test('When a second payment is made, then the token comes from the cache', async () => {
    await pay(stack.payment, traceparent(idOf(2)));

    const spans = await spansOf(stack.localStytch!, idOf(2), 6);

    expect(spans).toHaveLength(6);
    expect(named(spans, 'getAccessToken').attributes).toMatchObject({ 'access_token.source': 'cache' });
    expect(named(spans, 'authorizeToken').attributes).toMatchObject({ 'authorization.token_cached': true });
  });

  test('When a token is refused, then the span says why', async () => {
    const { url } = stack.wallet;
    const headers = { ...traceparent(idOf(3)), Authorization: 'Bearer a.b.c' };

    expect((await call(`${url}/api/check-balance`, { method: 'POST', headers })).status).toBe(401);

    const spans = await spansOf(stack.localStytch!, idOf(3), 2);
    expect(named(spans, 'authorizeToken')).toMatchObject({
      attributes: { 'authorization.outcome': 'invalid_token', 'error.type': 'invalid_token' },
      status: { code: 'error', message: expect.stringMatching(/./) },
    });
    expect(named(spans, 'POST /api/check-balance').attributes).toMatchObject({
      'http.response.status_code': 401,
    });
  });

  test('When an operator rotates the secret, then each step at Stytch is in the trace', async () => {
    const { seed, url } = stack.localStytch!;
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: seed.OPERATOR_CLIENT_ID!,
      client_secret: seed.OPERATOR_CLIENT_SECRET!,
    });
    const endpoint = `${url}/v1/public/${seed.STYTCH_PROJECT_ID!}/oauth2/token`;
    const { access_token } = (await (await fetch(endpoint, { method: 'POST', body: form })).json()) as {
      access_token: string;
    };
    const headers = { ...traceparent(idOf(4)), Authorization: `Bearer ${access_token}` };

    await call(`${stack.payment.url}/rotate-client-secret`, { method: 'POST', headers });

    const spans = await spansOf(stack.localStytch!, idOf(4), 9);
    expect(tree(spans).filter((line) => line.includes('rotation') || line.includes('/v1/'))).toEqual([
      '  payment-server: rotation: rotate',
      '    payment-server: rotation step: start',
      '      local-stytch: POST /v1/m2m/clients/:clientId/secrets/rotate/start',
      '    payment-server: rotation step: verify',
      '      local-stytch: POST /v1/public/:projectId/oauth2/token',
      '    payment-server: rotation step: complete',
      '      local-stytch: POST /v1/m2m/clients/:clientId/secrets/rotate',
    ]);
  });

  test('When the log has a line of a request, then it has the ids of its trace', async () => {
    const [root] = await spansOf(stack.localStytch!, idOf(1), 8);

    const ofTrace = await until('both lines are printed', () => {
      const found = lines.filter((line) => line.includes(idOf(1)));
      return found.length >= 2 && found;
    });

    // The two processes write at their own pace.
    const [payment, wallet, ...others] = ofTrace.sort();
    expect(payment).toMatch(/^payment-server /);
    expect(payment).toContain(root!.span_id);
    expect(wallet).toMatch(/^wallet-server /);
    expect(others).toEqual([]);
  });
});

describe('In services of their own', () => {
  const world = new World();
  afterAll(async () => {
    expect(await world.violations()).toEqual([]);
  });

  test('When no receiver is set, then there are no spans, and traceparent is ignored', async () => {
    const { stytch, wallet, payment } = await world.startServices();
    world.allLines = [];

    expect(summary(await pay(payment, traceparent(idOf(5))))).toEqual(paid);

    expect((await call(`${stytch.program.url}/local/traces/${idOf(5)}`)).status).toBe(404);
    await checkBalance(wallet, 'none');
    expect(world.allLines.join('\n')).not.toContain('trace_id');
  });

  test('When the receiver hangs or is gone, then payments are answered, and both servers stop in time', async () => {
    const receiver = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => receiver.once('listening', resolve));
    const endpoint = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
    const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_BSP_SCHEDULE_DELAY: '10' };
    const wallet = await world.startWallet(environment);
    const gone = { ...environment, OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' };
    const payment = await world.startPayment(wallet, gone);
    world.allLines = [];

    for (let count = 0; count < 20; count += 1) expect(summary(await pay(payment))).toEqual(paid);
    const failed = () => world.allLines!.filter((line) => line.includes('traces are not exported'));
    await until('the failure is logged', () => failed().length > 0);
    const startedAt = performance.now();
    for (const program of [payment, wallet]) world.signal(program, 'SIGTERM');
    const ends = await Promise.all([payment.ended, wallet.ended]);

    expect(ends).toEqual([0, 0]);
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    expect(failed().filter((line) => line.includes('payment-server'))).toHaveLength(1);
    receiver.closeAllConnections();
    receiver.close();
  });
});

test('When a setting is wrong, then the server says so and does not start', () => {
  const program = join(root, 'wallet-server', 'dist', 'server.js');
  const env = serverEnvironment({ OTEL_TRACES_SAMPLER: 'sometimes' });

  expect(() => execFileSync(process.execPath, [program], { env, stdio: 'pipe' })).toThrow(
    'OTEL_TRACES_SAMPLER: must be one of',
  );
});

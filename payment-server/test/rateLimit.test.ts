import '../../packages/service-kit/test/closedNetwork';
import express from 'express';
import request from 'supertest';
import { createBaseApp, route } from 'service-kit';
import { AuthorizationUnavailableError, InvalidTokenError } from 'stytch-m2m';
import { expectRefused } from '../../packages/service-kit/test/expectRefused';
import { createTestLogger } from '../../packages/service-kit/test/testLogger';
import { limitRate } from '../src/admin/rateLimit';

const refusal = new InvalidTokenError('test', new Error('bad'));

/** An app that authorizes requests as the client in X-Client, and refuses requests without that header. */
function createApp(requestsPerMinute: number, error: Error = refusal) {
  const authorize: express.RequestHandler = (incoming, _response, next) => {
    const clientId = incoming.get('X-Client');
    if (clientId === undefined) {
      next(error);
      return;
    }
    incoming.m2mClient = { clientId, scopes: [], customClaims: {} };
    next();
  };
  return createBaseApp({ logger: createTestLogger().logger }, (router) => {
    const limited = limitRate(authorize, requestsPerMinute);
    const answer: express.RequestHandler = (_request, response) => {
      response.json('ok');
    };
    route(router, '/one', { get: [limited, answer] });
    route(router, '/two', { get: [limited, answer] });
  });
}

const ask = (app: ReturnType<typeof createApp>, path: string, client?: string) =>
  request(app)
    .get(path)
    .set(client === undefined ? {} : { 'X-Client': client });

describe('limitRate', () => {
  test('When a client exceeds the limit, then it gets 429 with Retry-After, and other clients do not', async () => {
    const app = createApp(2);
    await ask(app, '/one', 'operator').expect(200);
    await ask(app, '/two', 'operator').expect(200);

    const response = await ask(app, '/one', 'operator');

    expectRefused(response, 429, 'too_many_requests');
    expect(Number(response.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    expect(Number(response.headers['retry-after'])).toBeLessThanOrEqual(60);
    await ask(app, '/one', 'another').expect(200);
  });

  test('When an address has too many refusals, then it gets 429, but authorized clients do not', async () => {
    const app = createApp(2);
    await ask(app, '/one').expect(401);
    await ask(app, '/two').expect(401);

    expectRefused(await ask(app, '/one'), 429, 'too_many_requests');
    await ask(app, '/one', 'operator').expect(200);
    await ask(app, '/one', 'operator').expect(200);
  });

  test('When tokens cannot be verified, then the requests do not count', async () => {
    const app = createApp(1, new AuthorizationUnavailableError(1, new Error('away')));

    for (let times = 0; times < 3; times += 1) await ask(app, '/one').expect(503);
  });

  test('When the connection has been reset, then the refusal counts like any other', async () => {
    const limited = limitRate((_request, _response, next) => {
      next(refusal);
    }, 1);
    const app = express();
    app.use((incoming, response) => {
      Object.defineProperty(incoming, 'ip', { value: undefined });
      limited(incoming, response, (error: unknown) => response.json((error as Error).name));
    });
    const complaint = jest.spyOn(console, 'error');

    expect((await request(app).get('/')).body).toBe('InvalidTokenError');
    expect((await request(app).get('/')).body).toBe('HttpError');
    expect(complaint).not.toHaveBeenCalled();
  });

  test('When the caller sends other addresses in headers, then the address of its connection counts', async () => {
    const app = createApp(1);
    const complaint = jest.spyOn(console, 'error');
    await ask(app, '/one').set('X-Forwarded-For', '192.0.2.1').set('Forwarded', 'for=192.0.2.1');

    const response = await ask(app, '/one')
      .set('X-Forwarded-For', '192.0.2.2')
      .set('Forwarded', 'for=192.0.2.2');

    expectRefused(response, 429, 'too_many_requests');
    expect(complaint).not.toHaveBeenCalled();
  });

  test('When the minute is over, then the client is allowed again', async () => {
    jest.useFakeTimers({ now: Date.now(), doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    try {
      const app = createApp(1);
      await ask(app, '/one', 'operator').expect(200);
      await ask(app, '/one', 'operator').expect(429);

      jest.advanceTimersByTime(60_000);

      await ask(app, '/one', 'operator').expect(200);
    } finally {
      jest.useRealTimers();
    }
  });

  test('When the wall clock is set back by two hours, then the limit still ends after a minute', async () => {
    jest.useFakeTimers({
      now: Date.now() + 7_200_000,
      doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'],
    });
    try {
      const app = createApp(1);
      await ask(app, '/one', 'operator').expect(200);
      jest.setSystemTime(Date.now() - 7_200_000);
      const limited = await ask(app, '/one', 'operator').expect(429);

      jest.advanceTimersByTime(60_000);

      expect(Number(limited.headers['retry-after'])).toBeLessThanOrEqual(60);
      await ask(app, '/one', 'operator').expect(200);
    } finally {
      jest.useRealTimers();
    }
  });

  test('When routes without a limit are called often, then they are not limited', async () => {
    const app = createApp(1);

    for (let times = 0; times < 5; times += 1) await request(app).get('/healthz').expect(200);
  });
});

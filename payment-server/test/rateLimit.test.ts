import '../../service-kit/test/closedNetwork';
import express from 'express';
import request from 'supertest';
import { createBaseApp, route } from 'service-kit';
import { expectRefused } from '../../service-kit/test/expectRefused';
import { createTestLogger } from '../../service-kit/test/testLogger';
import { limitRate } from '../src/helper/rateLimit';

function createApp(requestsPerMinute: number) {
  return createBaseApp({ logger: createTestLogger().logger }, (router) => {
    const limited = limitRate(requestsPerMinute);
    const answer: express.RequestHandler = (_request, response) => {
      response.json('ok');
    };
    route(router, '/one', { get: [limited, answer] });
    route(router, '/two', { get: [limited, answer] });
  });
}

describe('limitRate', () => {
  test('When an address makes more requests than it may, then the rest are 429 with Retry-After', async () => {
    const app = createApp(2);
    await request(app).get('/one').expect(200);
    await request(app).get('/two').expect(200);

    const response = await request(app).get('/one');

    expectRefused(response, 429, 'too_many_requests');
    expect(Number(response.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    expect(Number(response.headers['retry-after'])).toBeLessThanOrEqual(60);
  });

  test('When the caller claims other addresses, then it is counted as the one it comes from', async () => {
    const app = createApp(1);
    const complaint = jest.spyOn(console, 'error');
    await request(app).get('/one').set('X-Forwarded-For', '192.0.2.1').set('Forwarded', 'for=192.0.2.1');

    const response = await request(app)
      .get('/one')
      .set('X-Forwarded-For', '192.0.2.2')
      .set('Forwarded', 'for=192.0.2.2');

    expectRefused(response, 429, 'too_many_requests');
    expect(complaint).not.toHaveBeenCalled();
  });

  test('When the minute is over, then the address may again', async () => {
    jest.useFakeTimers({ now: Date.now(), doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    try {
      const app = createApp(1);
      await request(app).get('/one').expect(200);
      await request(app).get('/one').expect(429);

      jest.advanceTimersByTime(60_000);

      await request(app).get('/one').expect(200);
    } finally {
      jest.useRealTimers();
    }
  });

  test('When routes without a limit are called often, then they are not limited', async () => {
    const app = createApp(1);

    for (let times = 0; times < 5; times += 1) await request(app).get('/healthz').expect(200);
  });
});

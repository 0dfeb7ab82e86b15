import './closedNetwork';
import request from 'supertest';
import { createBaseApp, route } from '../src/index';
import { expectRefused } from './expectRefused';
import { createTestLogger } from './testLogger';

function createApp() {
  const handled: string[] = [];
  const app = createBaseApp({ logger: createTestLogger().logger }, (router) => {
    const handle = (name: string) => [
      (_request: unknown, _response: unknown, next: () => void) => {
        next();
      },
      (_request: unknown, response: { json: (body: unknown) => void }) => {
        handled.push(name);
        response.json(name);
      },
    ];
    route(router, '/read', { get: handle('read') });
    route(router, '/change', { get: handle('get'), post: handle('post') }, { head: false });
    route(router, '/write', { put: handle('put'), delete: handle('delete') });
  });
  return { app, handled };
}

describe('route', () => {
  test('When a method is registered, then its handlers run in turn', async () => {
    const { app, handled } = createApp();

    await request(app).get('/read').expect(200, '"read"');
    await request(app).post('/change').expect(200, '"post"');
    await request(app).delete('/write').expect(200, '"delete"');

    expect(handled).toEqual(['read', 'post', 'delete']);
  });

  test.each([
    ['post', '/read', 'GET, HEAD'],
    ['options', '/read', 'GET, HEAD'],
    ['put', '/change', 'GET, POST'],
    ['options', '/change', 'GET, POST'],
    ['get', '/write', 'PUT, DELETE'],
    ['patch', '/write', 'PUT, DELETE'],
  ] as const)('When %s is sent to %s, then the answer is 405 and allows %s', async (method, path, allow) => {
    const { app, handled } = createApp();

    const response = await request(app)[method](path);

    expectRefused(response, 405, 'method_not_allowed');
    expect(response.headers['allow']).toBe(allow);
    expect(handled).toEqual([]);
  });

  test('When HEAD is sent where GET only reads, then it is answered like GET, without the body', async () => {
    const { app, handled } = createApp();

    const response = await request(app).head('/read');

    expect(response.status).toBe(200);
    expect(response.text).toBeUndefined();
    expect(handled).toEqual(['read']);
  });

  test.each(['/change', '/write'])('When HEAD is sent to %s, then no handler runs', async (path) => {
    const { app, handled } = createApp();

    const response = await request(app).head(path);

    expect(response.status).toBe(405);
    expect(response.headers['allow']).not.toContain('HEAD');
    expect(handled).toEqual([]);
  });
});

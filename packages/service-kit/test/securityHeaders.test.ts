import './closedNetwork';
import request from 'supertest';
import { createBaseApp } from '../src/index';
import { createTestLogger } from './testLogger';

describe('The security headers', () => {
  test.each(['/healthz', '/nowhere'])('When %s is answered, then the answer has them', async (path) => {
    const app = createBaseApp({ logger: createTestLogger().logger }, () => undefined);

    const { headers } = await request(app).get(path);

    expect(headers).toMatchObject({
      'content-security-policy': "default-src 'none';frame-ancestors 'none'",
      'strict-transport-security': expect.stringMatching(/^max-age=\d{8}/),
      'x-content-type-options': 'nosniff',
      'x-frame-options': expect.any(String),
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
    });
    expect(headers).not.toHaveProperty('x-powered-by');
    expect(headers).not.toHaveProperty('etag');
  });
});

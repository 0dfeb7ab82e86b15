import './closedNetwork';
import { AxiosError, AxiosHeaders } from 'axios';
import { RequestError } from 'stytch';
import { describeError } from '../src/logger';
import { createTestLogger, secretMark } from './testLogger';

const token = `eyJhbGciOiJSUzI1NiJ9.${secretMark}.signature`;

describe('createLogger', () => {
  test.each([
    'authorization',
    'Authorization',
    'access_token',
    'accessToken',
    'client_secret',
    'clientSecret',
    'next_client_secret',
    'nextClientSecret',
    'STYTCH_SECRET',
    'CLIENT_SECRET',
  ])('When a field is called %s, at a depth of up to three, then its value is not written', (name) => {
    const { logger, lines } = createTestLogger();

    logger.info({ [name]: secretMark, one: { [name]: secretMark, two: { [name]: secretMark } } }, 'said');

    const hidden = '[Redacted]';
    expect(lines).toEqual([
      expect.objectContaining({
        [name]: hidden,
        one: { [name]: hidden, two: { [name]: hidden } },
        msg: 'said',
      }),
    ]);
  });

  test('When an axios error is logged, then its request is not', () => {
    const { logger, lines } = createTestLogger();
    const headers = new AxiosHeaders({ Authorization: `Bearer ${token}` });
    const error = new AxiosError('timed out', 'ECONNABORTED', { headers, data: token });

    logger.error({ err: error }, 'failed');
    logger.error(error);

    const described = { type: 'AxiosError', message: 'timed out', code: 'ECONNABORTED' };
    expect(lines).toMatchObject([{ err: described }, { err: described }]);
    expect(JSON.stringify(lines)).not.toMatch(/Bearer|signature/);
  });

  test("When Stytch's RequestError is logged, also as a cause, then its request is not", () => {
    const { logger, lines } = createTestLogger();
    const error = new RequestError('fetch failed', {
      url: '/v1/public/project/oauth2/token',
      method: 'POST',
      dataRaw: `client_secret=${secretMark}`,
    });

    logger.error({ err: error }, 'failed');
    logger.error({ err: new Error('no token', { cause: error }) }, 'failed');

    expect(lines).toMatchObject([
      { err: { message: 'fetch failed' } },
      { err: { message: 'no token', cause: { message: 'fetch failed' } } },
    ]);
    expect(JSON.stringify(lines)).not.toContain(secretMark);
  });

  test('When the level of a line is too low, then it is not written', () => {
    const { logger, lines } = createTestLogger();
    logger.level = 'warn';

    logger.info('not said');

    expect(lines).toEqual([]);
  });
});

describe('describeError', () => {
  test('When an error is described, then only its name, message, code, stack and cause are included', () => {
    const error = Object.assign(new TypeError('wrong', { cause: new Error('beneath') }), {
      code: 'ERR_WRONG',
      config: { password: secretMark },
    });

    expect(describeError(error)).toEqual({
      type: 'TypeError',
      message: 'wrong',
      code: 'ERR_WRONG',
      stack: error.stack,
      cause: { type: 'Error', message: 'beneath', stack: expect.any(String) },
    });
  });

  test('When causes are circular, then the description ends', () => {
    const error = new Error('round');
    error.cause = error;

    const depth = JSON.stringify(describeError(error)).match(/"message":"round"/g);

    expect(depth).toHaveLength(5);
  });

  test.each([secretMark, { password: secretMark }, undefined, null, 7])(
    'When %j was thrown, not an error, then only its type is included',
    (thrown) => {
      expect(describeError(thrown)).toEqual({ message: `not an Error: ${typeof thrown}` });
    },
  );
});

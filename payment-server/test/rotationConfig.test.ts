import { ConfigError, type Environment } from 'service-kit';
import { readPaymentConfig } from '../src/config';

const project = {
  STYTCH_PROJECT_ID: 'project-test-1',
  STYTCH_SECRET: 'secret-of-the-project',
  CLIENT_ID: 'm2m-client-test-1',
};
const inMemory = { ...project, CLIENT_SECRET: 'first-aaaa' };
const inFile = { ...project, CLIENT_SECRET_FILE: '/run/secrets/client' };

function problemsOf(environment: Environment): string {
  try {
    readPaymentConfig(environment);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).message;
  }
  return '';
}

describe('where the client secret is', () => {
  test('When the secret is in the environment, then CLIENT_SECRET has it', () => {
    expect(readPaymentConfig(inMemory)).toMatchObject({ CLIENT_SECRET: 'first-aaaa' });
  });

  test('When the secret is in a file, then CLIENT_SECRET is not required', () => {
    const config = readPaymentConfig(inFile);

    expect(config).toMatchObject({ CLIENT_SECRET_FILE: '/run/secrets/client' });
    expect(config.CLIENT_SECRET).toBeUndefined();
    expect(config.SECRET_ROTATION_INTERVAL).toBeUndefined();
  });

  test('When the secret is in neither, then the message names both variables', () => {
    expect(problemsOf(project)).toMatch(/CLIENT_SECRET: is missing: .*unless CLIENT_SECRET_FILE is set/);
  });

  test('When the secret is in both, then the message says that only one may be set', () => {
    const problems = problemsOf({ ...inMemory, ...inFile });

    expect(problems).toContain('CLIENT_SECRET: must not be set beside CLIENT_SECRET_FILE');
    expect(problems).not.toContain('first-aaaa');
  });
});

describe('CLIENT_SECRET_READ_ONLY', () => {
  test.each([
    [undefined, false],
    ['false', false],
    ['true', true],
  ])('When it is %s, then it is read as %s', (text, value) => {
    const given = text === undefined ? {} : { CLIENT_SECRET_READ_ONLY: text };

    expect(readPaymentConfig({ ...inFile, ...given }).CLIENT_SECRET_READ_ONLY).toBe(value);
  });

  test('When it is neither true nor false, then the message says what it should be', () => {
    expect(problemsOf({ ...inFile, CLIENT_SECRET_READ_ONLY: 'yes' })).toContain(
      'CLIENT_SECRET_READ_ONLY: must be true or false',
    );
  });

  test('When the secret is in memory, then the message says that it needs a file', () => {
    expect(problemsOf({ ...inMemory, CLIENT_SECRET_READ_ONLY: 'true' })).toContain(
      'CLIENT_SECRET_READ_ONLY: needs CLIENT_SECRET_FILE',
    );
  });

  test('When there is also an interval, then the message says that another program rotates', () => {
    const both = { ...inFile, CLIENT_SECRET_READ_ONLY: 'true', SECRET_ROTATION_INTERVAL: '30d' };

    expect(problemsOf(both)).toContain('SECRET_ROTATION_INTERVAL: must not be set with');
  });
});

describe('SECRET_ROTATION_INTERVAL', () => {
  test.each([
    ['30d', 30 * 86_400_000],
    ['12h', 12 * 3_600_000],
    ['90m', 90 * 60_000],
    ['9999d', 9_999 * 86_400_000],
  ])('When the interval is %s, then it is read as %d milliseconds', (text, milliseconds) => {
    const config = readPaymentConfig({ ...inFile, SECRET_ROTATION_INTERVAL: text });

    expect(config.SECRET_ROTATION_INTERVAL).toBe(milliseconds);
  });

  test.each(['30', '0d', '-1d', '1.5h', '30 d', '30D', '1w', '10000d', 'monthly'])(
    'When the interval is %j, then the message says what it should be',
    (text) => {
      expect(problemsOf({ ...inFile, SECRET_ROTATION_INTERVAL: text })).toContain(
        'SECRET_ROTATION_INTERVAL: must be a number of days, hours or minutes, such as 30d, 12h or 90m',
      );
    },
  );

  test('When the secret is in memory only, then the interval is refused', () => {
    expect(problemsOf({ ...inMemory, SECRET_ROTATION_INTERVAL: '30d' })).toContain(
      'SECRET_ROTATION_INTERVAL: needs CLIENT_SECRET_FILE',
    );
  });
});

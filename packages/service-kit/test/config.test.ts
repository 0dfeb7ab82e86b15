import './closedNetwork';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import {
  ConfigError,
  type Environment,
  loadEnvironment,
  readConfig,
  required,
  serverSettings,
  crossFieldChecks,
  wholeNumber,
} from '../src/index';

describe('loadEnvironment', () => {
  let near: string;
  let far: string;

  beforeEach(() => {
    near = mkdtempSync(join(tmpdir(), 'near-'));
    far = mkdtempSync(join(tmpdir(), 'far-'));
  });

  afterEach(() => {
    rmSync(near, { recursive: true });
    rmSync(far, { recursive: true });
  });

  test('When a variable is set in several places, then the process overrides the near file, and the near file the far one', () => {
    writeFileSync(join(near, '.env'), 'A=near\nB=near\n');
    writeFileSync(join(far, '.env'), 'A=far\nB=far\nC=far\n');

    const environment = loadEnvironment([near, far], { A: 'process' });

    expect(environment).toEqual({ A: 'process', B: 'near', C: 'far' });
  });

  test('When the process has DOTENV=off, then no file is read', () => {
    writeFileSync(join(near, '.env'), 'A=near\n');

    expect(loadEnvironment([near], { DOTENV: 'off' })).toEqual({ DOTENV: 'off' });
  });

  test('When a variable is set but empty, then it counts as not set, and overrides nothing', () => {
    writeFileSync(join(near, '.env'), 'A=\nB="  "\n');
    writeFileSync(join(far, '.env'), 'A=far\n');

    const environment = loadEnvironment([near, far], { A: '', B: ' ', C: undefined });

    expect(environment).toEqual({ A: 'far' });
  });

  test('When a value has spaces around it, then they are removed', () => {
    expect(loadEnvironment([], { A: ' value\r\n' })).toEqual({ A: 'value' });
  });

  test('When a directory has no .env, then it is skipped', () => {
    expect(loadEnvironment([near, join(far, 'missing')], { A: 'process' })).toEqual({ A: 'process' });
  });

  test('When a .env exists but is unreadable, then the error names it', () => {
    mkdirSync(join(near, '.env'));

    const load = () => loadEnvironment([near], {});

    expect(load).toThrow(ConfigError);
    expect(load).toThrow(`${join(near, '.env')} is a folder`);
  });

  test('When no environment is given, then it is the environment of the process', () => {
    process.env['LOAD_ENVIRONMENT_TEST'] = 'here';

    const environment = loadEnvironment([]);

    delete process.env['LOAD_ENVIRONMENT_TEST'];
    expect(environment['LOAD_ENVIRONMENT_TEST']).toBe('here');
  });
});

describe('readConfig', () => {
  const schema = z.object({
    ...serverSettings(4000),
    SECRET: required('the secret of the thing'),
    TIMES: wholeNumber(1, 10).default(3),
  });

  test('When the environment is valid, then the settings are typed, and the others have their defaults', () => {
    expect(readConfig(schema, { SECRET: 'x', PORT: '0', OTHER: 'ignored' })).toEqual({
      PORT: 0,
      HOST: '127.0.0.1',
      SHUTDOWN_DELAY_SECONDS: 0,
      OTEL_BSP_SCHEDULE_DELAY: 5_000,
      OTEL_SDK_DISABLED: false,
      OTEL_TRACES_SAMPLER: 'parentbased_always_on',
      OTEL_TRACES_SAMPLER_ARG: 1,
      LOG_LEVEL: 'info',
      SECRET: 'x',
      TIMES: 3,
    });
  });

  test('When several settings are invalid, then one message names all of them and says what to do', () => {
    const read = () => readConfig(schema, { PORT: '65536', LOG_LEVEL: 'loud', TIMES: '11' }, 'Do this.');

    expect(read).toThrow(
      new ConfigError(
        [
          'These settings are missing or invalid:',
          '  PORT: must be a whole number from 0 to 65535',
          '  LOG_LEVEL: must be one of fatal, error, warn, info, debug, trace, silent',
          '  SECRET: is missing: the secret of the thing',
          '  TIMES: must be a whole number from 1 to 10',
          'Do this.',
        ].join('\n'),
      ),
    );
  });

  test('When no help is given, then the message says where settings come from', () => {
    expect(() => readConfig(schema, {})).toThrow(/in a \.env file; \.env\.example explains each\.$/);
  });
});

describe('crossFieldChecks for TLS and HEALTH_PORT', () => {
  const schema = z
    .object({ ...serverSettings(4000), SECRET: required('the secret of the thing') })
    .check(crossFieldChecks);
  const problems = (environment: Environment) => {
    try {
      readConfig(schema, { SECRET: 'x', ...environment });
      return [];
    } catch (error) {
      return (error as ConfigError).message.split('\n').slice(1, -1);
    }
  };

  test('When certificate and key are set, with or without a CA, then they are valid', () => {
    const pair = { TLS_CERT_FILE: 'c', TLS_KEY_FILE: 'k' };

    expect(problems(pair)).toEqual([]);
    expect(problems({ ...pair, TLS_CA_FILE: 'a', HEALTH_PORT: '4001' })).toEqual([]);
  });

  test.each([
    [{ TLS_CERT_FILE: 'c' }, ['  TLS_KEY_FILE: is missing: TLS_CERT_FILE and TLS_CA_FILE need it']],
    [{ TLS_KEY_FILE: 'k' }, ['  TLS_CERT_FILE: is missing: TLS_KEY_FILE and TLS_CA_FILE need it']],
    [
      { TLS_CA_FILE: 'a' },
      [
        '  TLS_CERT_FILE: is missing: TLS_KEY_FILE and TLS_CA_FILE need it',
        '  TLS_KEY_FILE: is missing: TLS_CERT_FILE and TLS_CA_FILE need it',
      ],
    ],
    [{ HEALTH_PORT: '4000' }, ['  HEALTH_PORT: must differ from PORT']],
    [{ HEALTH_PORT: '65536' }, ['  HEALTH_PORT: must be a whole number from 0 to 65535']],
  ])('When there is only %j, then the message says what goes with it', (environment, expected) => {
    expect(problems(environment)).toEqual(expected);
  });

  test('When both ports are 0, then they are valid', () => {
    expect(problems({ PORT: '0', HEALTH_PORT: '0' })).toEqual([]);
  });

  test('When another setting is missing, then one message names both', () => {
    expect(() => readConfig(schema, { TLS_CERT_FILE: 'c' })).toThrow(
      /SECRET: is missing[^]*TLS_KEY_FILE: is missing/,
    );
  });
});

describe('A secret in a file', () => {
  const schema = z.object({ SECRET: required('the secret of the thing'), OTHER: required('another') });
  const read = (environment: Environment) => readConfig(schema, environment, 'Help.', ['SECRET']);
  let folder: string;
  let file: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'secret-'));
    file = join(folder, 'secret');
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  test.each([
    ['secret', 'secret'],
    ['secret\n', 'secret'],
    ['secret\r\n', 'secret'],
    [' sec ret \n\n', ' sec ret \n'],
  ])('When the file has %j in it, then the secret is %j', (text, secret) => {
    writeFileSync(file, text);

    expect(read({ SECRET_FILE: file, OTHER: 'o' })).toEqual({ SECRET: secret, OTHER: 'o' });
  });

  test.each(['', '\n', ' \n'])(
    'When the file contains only %j, then the message says that it is empty',
    (text) => {
      writeFileSync(file, text);

      expect(() => read({ SECRET_FILE: file, OTHER: 'o' })).toThrow(`SECRET_FILE: ${file} is empty`);
    },
  );

  test('When the file does not exist, or is a folder, then the message says so, and names other problems', () => {
    const message = ['These settings are missing or invalid:', `  SECRET_FILE: ${file} does not exist`];

    expect(() => read({ SECRET_FILE: file })).toThrow(
      new ConfigError([...message, '  OTHER: is missing: another', 'Help.'].join('\n')),
    );
    expect(() => read({ SECRET_FILE: folder, OTHER: 'o' })).toThrow(`SECRET_FILE: ${folder} is a folder`);
  });

  test('When the secret is in the environment too, then it is refused', () => {
    writeFileSync(file, 'in-the-file');
    const both = () => read({ SECRET: 'in-the-environment', SECRET_FILE: file, OTHER: 'o' });

    expect(both).toThrow('  SECRET: must not be set beside SECRET_FILE');
    expect(both).not.toThrow(/in-the-/);
  });

  test('When the setting cannot be in a file, then no file is read', () => {
    expect(() => readConfig(schema, { SECRET_FILE: file, OTHER: 'o' })).toThrow('SECRET: is missing');
  });
});

describe('wholeNumber', () => {
  test.each(['1', '010', '65535'])('When it is %j, within bounds, then it is a number', (text) => {
    expect(wholeNumber(1, 65535).parse(text)).toBe(Number(text));
  });

  test.each(['0', '65536', '-1', '1.5', '1e3', '0x10', 'NaN', 'Infinity', ' 1', '9'.repeat(400), ''])(
    'When it is %j, then it is refused with the bounds',
    (text) => {
      const result = wholeNumber(1, 65535).safeParse(text);

      expect(result.error?.issues.map(({ message }) => message)).toEqual([
        'must be a whole number from 1 to 65535',
      ]);
    },
  );
});

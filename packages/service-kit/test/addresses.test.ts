import './closedNetwork';
import { z } from 'zod';
import { httpAddress, isPrivateHostName } from '../src/addresses';
import {
  type ConfigError,
  type Environment,
  readConfig,
  serverSettings,
  crossFieldChecks,
} from '../src/config';

describe('httpAddress', () => {
  test.each([
    ['http://localhost:4000', 'http://localhost:4000'],
    ['https://wallet.example/', 'https://wallet.example'],
    ['https://wallet.example/base//', 'https://wallet.example/base'],
  ])('When it is %s, then it becomes %s', (given, expected) => {
    expect(httpAddress().parse(given)).toBe(expected);
  });

  test.each([
    'localhost:4000',
    'nonsense',
    'ftp://wallet.example',
    'file:///etc/passwd',
    'http://user@wallet.example',
    'http://:password@wallet.example',
    'http://wallet.example/?a=b',
    'http://wallet.example?',
    'http://wallet.example/#a',
    'http://wallet.example#',
  ])('When it is %s, then it is refused', (given) => {
    expect(httpAddress().safeParse(given).success).toBe(false);
  });
});

describe('A schema with httpAddress and crossFieldChecks', () => {
  const schema = z.object({ URL: httpAddress() }).check(crossFieldChecks);

  test.each([
    'HTTPS://stytch.example',
    'https://stytch.example',
    'http://localhost:5005',
    'http://127.0.0.1:5005',
    'http://[::1]:5005',
  ])('When the address is %s, then it is accepted', (URL) => {
    expect(schema.parse({ URL })).toEqual({ URL });
  });

  test.each([
    'http://stytch.example',
    'http://127.0.0.1.stytch.example',
    'http://localhost.stytch.example',
    'http://128.0.0.1',
    'http://[::2]',
  ])('When the address is %s, then it is rejected', (URL) => {
    expect(schema.safeParse({ URL }).error?.issues[0]?.message).toMatch(/must be https:\/\/ unless/);
  });

  test('When it is no address, then there is one problem', () => {
    expect(schema.safeParse({ URL: 'nonsense' }).error?.issues).toHaveLength(1);
  });
});

describe('isPrivateHostName', () => {
  test.each(['local-stytch', 'local_stytch', 'Wallet2', 'host.docker.internal'])(
    'When it is %s, then it is private',
    (name) => {
      expect(isPrivateHostName(name)).toBe(true);
    },
  );

  test.each([
    '',
    '.',
    '-a',
    'stytch.com',
    'a.internal.example',
    'internal.',
    '10.0.0.1',
    '[::1]',
    'a b',
    'a/b',
  ])('When it is %j, then it is not private', (name) => {
    expect(isPrivateHostName(name)).toBe(false);
  });
});

describe('INSECURE_HTTP_HOSTS', () => {
  const schema = z.object({ ...serverSettings(4000), URL: httpAddress() }).check(crossFieldChecks);
  const read = (environment: Environment) => readConfig(schema, environment);
  const problems = (environment: Environment) => {
    try {
      read(environment);
      return [];
    } catch (error) {
      return (error as ConfigError).message.split('\n').slice(1, -1);
    }
  };
  const development = { NODE_ENV: 'development', INSECURE_HTTP_HOSTS: 'local-stytch, wallet' };

  test.each(['http://local-stytch:5005', 'http://WALLET', 'https://stytch.example', 'http://localhost:1'])(
    'When it names two hosts, then %s is accepted',
    (url) => {
      expect(read({ ...development, URL: url }).URL).toBe(url);
    },
  );

  test.each([
    'http://stytch.example',
    'http://local-stytch.example',
    'http://local-stytch.',
    'http://x.local-stytch',
    'http://local',
    'http://10.0.0.1',
  ])('When it names two hosts, then %s must be https', (url) => {
    expect(problems({ ...development, URL: url })).toEqual([
      '  URL: must be https:// unless it is on this machine: secrets are sent there',
    ]);
  });

  test.each([{}, { NODE_ENV: 'production' }, { NODE_ENV: 'test' }, { NODE_ENV: 'Development' }])(
    'When the environment is %j, then it is refused',
    (environment) => {
      expect(
        problems({ ...environment, INSECURE_HTTP_HOSTS: 'wallet', URL: 'https://wallet.example' }),
      ).toEqual(['  INSECURE_HTTP_HOSTS: needs NODE_ENV=development: secrets are sent there unencrypted']);
    },
  );

  test.each(['*', 'stytch.com', 'wallet,', '10.0.0.1', 'wallet:80', 'http://wallet'])(
    'When it is %s, then it is refused, and allows no host',
    (hosts) => {
      expect(problems({ NODE_ENV: 'development', INSECURE_HTTP_HOSTS: hosts, URL: 'http://wallet' })).toEqual(
        [
          '  INSECURE_HTTP_HOSTS: must be host names without a dot, or under .internal, separated by commas',
          '  URL: must be https:// unless it is on this machine: secrets are sent there',
        ],
      );
    },
  );
});

import { ConfigError } from 'service-kit';
import { help, readCommandLine } from '../src/commandLine';

const defaults = {
  port: 5005,
  host: '127.0.0.1',
  seed: undefined,
  import: undefined,
  exportOnExit: undefined,
  services: [],
  json: false,
};

describe('readCommandLine', () => {
  test('runs on port 5005 of loopback by default', () => {
    expect(readCommandLine([])).toEqual({ kind: 'serve', options: defaults });
  });

  test('reads all options', () => {
    const line = '--port 0 --host 0.0.0.0 --seed a.yaml --export-on-exit b.json --json';

    expect(readCommandLine(line.split(' '))).toEqual({
      kind: 'serve',
      options: { ...defaults, port: 0, host: '0.0.0.0', seed: 'a.yaml', exportOnExit: 'b.json', json: true },
    });
    expect(readCommandLine(['--import', 'b.json'])).toMatchObject({ options: { import: 'b.json' } });
  });

  test('reads each service that the console can call', () => {
    const line = '--service orders=http://localhost:3000 --service stock=https://127.0.0.1:3001/';

    expect(readCommandLine(line.split(' '))).toMatchObject({
      options: {
        services: [
          { name: 'orders', url: 'http://localhost:3000' },
          { name: 'stock', url: 'https://127.0.0.1:3001' },
        ],
      },
    });
  });

  test('takes what follows -- as the command of exec, on a free port, and leaves its options alone', () => {
    expect(readCommandLine(['exec', '--seed', 'a.yaml', '--', 'npm', 'test', '--', '--port', '1'])).toEqual({
      kind: 'exec',
      options: { ...defaults, port: 0, seed: 'a.yaml' },
      command: ['npm', 'test', '--', '--port', '1'],
    });
  });

  test.each([
    ['--help', 'help'],
    ['-h', 'help'],
    ['--version', 'version'],
    ['-v', 'version'],
  ])('%s is %s', (flag, kind) => {
    expect(readCommandLine([flag])).toEqual({ kind });
    expect(readCommandLine(['exec', flag])).toEqual({ kind });
  });

  test.each([
    ['--porte 1', /--porte/],
    ['--port x', /--port must be/],
    ['--port 70000', /--port must be/],
    ['--seed', /--seed/],
    ['start', /unknown argument start/],
    ['-- npm test', /unknown argument --/],
    ['exec', /exec needs a command after --/],
    ['exec npm test', /exec needs a command after --/],
    ['exec --', /exec needs a command after --/],
    ['--seed a --import b', /exclude each other/],
    ['--host=', /--host needs an address/],
    ['--service orders', /--service orders: url must be http/],
    ['--service =http://localhost:1', /name must be 1 to 64/],
    ['--service a=http://evil.example', /--service a=http:\/\/evil.example: url must be on this machine/],
  ])('refuses %j, and says how to get help', (line, message) => {
    const read = () => readCommandLine(line.split(' '));

    expect(read).toThrow(ConfigError);
    expect(read).toThrow(message);
    expect(read).toThrow(/local-stytch --help/);
  });

  test('help has every option, and no line is too long for a terminal', () => {
    for (const option of [
      'port',
      'host',
      'seed',
      'import',
      'export-on-exit',
      'service',
      'json',
      'help',
      'version',
    ]) {
      expect(help).toContain(`--${option}`);
    }
    expect(Math.max(...help.split('\n').map((line) => line.length))).toBeLessThanOrEqual(110);
  });
});

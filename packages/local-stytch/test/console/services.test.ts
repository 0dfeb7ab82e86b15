import { EventEmitter } from 'node:events';
import { Changes } from '../../src/changes';
import { ConsoleContent, readService } from '../../src/console/services';
import { receiveContent } from '../../src/server';

const scenario = {
  id: 'no-token',
  title: 'No token',
  sentence: 'The service refuses a call without a token.',
  steps: [
    { title: 'Call it', call: { service: 'orders', method: 'GET', path: '/orders' } },
    { title: 'Reset', local: { method: 'POST', path: '/local/reset', body: {} } },
  ],
};

describe('A service', () => {
  test.each([
    ['orders=http://localhost:3000', 'http://localhost:3000'],
    ['orders=http://127.0.0.1:3000/', 'http://127.0.0.1:3000'],
    ['orders=https://[::1]:3000', 'https://[::1]:3000'],
    ['orders=HTTP://LOCALHOST', 'http://localhost'],
  ])('When it is given as %s, then its address is %s', (text, url) => {
    expect(readService(text)).toEqual({ name: 'orders', url });
  });

  test.each([
    'orders',
    'orders=',
    '=http://localhost:1',
    'a b=http://localhost:1',
    'orders=localhost:3000',
    'orders=ftp://localhost',
    'orders=file:///etc/passwd',
    'orders=http://evil.example',
    'orders=http://169.254.169.254',
    'orders=http://0.0.0.0:1',
    'orders=http://[::ffff:1.2.3.4]',
    'orders=http://localhost.evil.example',
    'orders=http://127.0.0.1.evil.example',
    'orders=http://user:password@localhost:1',
    'orders=http://localhost@evil.example',
    'orders=http://localhost\\@evil.example',
    'orders=http://localhost:1/path',
    'orders=http://localhost:1?x',
    'orders=http://localhost:1#x',
    'orders=http://local\thost',
  ])('When it is given as %j, then it is refused', (text) => {
    expect(() => readService(text)).toThrow(/must be/);
  });
});

describe('The message of the parent process', () => {
  function parent() {
    const write = jest.fn();
    const process = Object.assign(new EventEmitter(), { stderr: { write } });
    const changes = new Changes();
    const content = new ConsoleContent(changes);
    receiveContent({ content }, process as never);
    return { send: (message: unknown) => process.emit('message', message), content, changes, write };
  }

  test('When it has services and scenarios, then the page can use them, and loads everything again', () => {
    const { send, content, changes, write } = parent();
    const onChange = jest.fn();
    changes.listen(onChange);
    const service = { name: 'orders', url: 'https://localhost:3000', ca: '/ca.pem' };

    send({ console: { services: [service], scenarios: [scenario] } });

    expect(content.services).toEqual([service]);
    expect(content.scenarios).toEqual([scenario]);
    expect(changes.take()).toMatchObject({ reset: true });
    expect(onChange).toHaveBeenCalled();
    expect(write).not.toHaveBeenCalled();
  });

  test.each([
    [
      { services: [{ name: 'orders', url: 'http://evil.example' }] },
      /services\.0\.url: must be on this machine/,
    ],
    [{ services: 'all' }, /services/],
    [{ scenarios: [{ ...scenario, steps: [{ title: 'x' }] }] }, /scenarios\.0\.steps\.0/],
    [{ unknown: 1 }, /unknown/],
    [null, /refused/],
    ['text', /refused/],
  ])('When it is %j, then one line says what is wrong, and nothing changes', (message, problem) => {
    const { send, content, write } = parent();

    send({ console: message });

    expect(write).toHaveBeenCalledTimes(1);
    const [line] = write.mock.calls[0] as [string];
    expect(line).toMatch(/^local-stytch: the message for the console is refused: .*\n$/);
    expect(line).toMatch(problem);
    expect(content.services).toEqual([]);
  });

  test.each([undefined, null, 7, 'console', { other: 1 }])(
    'When it is for somebody else (%j), then it is ignored',
    (message) => {
      const { send, write } = parent();

      send(message);

      expect(write).not.toHaveBeenCalled();
    },
  );
});

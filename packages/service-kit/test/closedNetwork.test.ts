import './closedNetwork';
import { once } from 'node:events';
import { get } from 'node:http';
import { connect, createServer, type AddressInfo } from 'node:net';

const elsewhere = '203.0.113.1';

describe('The closed network', () => {
  test('When a test connects to another machine, then it fails at once', async () => {
    expect(() => connect(80, elsewhere)).toThrow(`The network is closed in tests: ${elsewhere}`);
    expect(() => connect({ port: 80, host: elsewhere })).toThrow('The network is closed');
    expect(() => get(`http://${elsewhere}/`)).toThrow('The network is closed');
    await expect(fetch(`http://${elsewhere}/`)).rejects.toMatchObject({
      cause: { message: `The network is closed in tests: ${elsewhere}` },
    });
    await expect(fetch('https://test.stytch.com/')).rejects.toMatchObject({
      cause: { message: 'The network is closed in tests: test.stytch.com' },
    });
  });

  test('When a test connects to this machine, then it succeeds', async () => {
    const server = createServer((socket) => socket.end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;

    const sockets = [connect(port), connect(port, '127.0.0.1'), connect({ port, host: 'localhost' })];
    await Promise.all(sockets.map((socket) => once(socket.resume(), 'close')));

    await new Promise((resolve) => server.close(resolve));
  });
});

import { Socket } from 'node:net';

const loopback = /^(localhost|127(\.\d{1,3}){3}|::1|::ffff:127(\.\d{1,3}){3})$/;
const closed = Symbol.for('closed network');

/** `path` is a Unix socket. Node's http sets it to null. */
interface Target {
  host?: string;
  path?: string | null;
}

/** `connect` is called with options, with Node's normalized arguments, with a port, or with a path. */
function hostOf(given: readonly unknown[]): string {
  const [first, second] = (Array.isArray(given[0]) ? given[0] : given) as unknown[];
  if (typeof first === 'object' && first !== null) {
    const { host = 'localhost', path } = first as Target;
    return typeof path === 'string' ? 'localhost' : host;
  }
  return typeof second === 'string' ? second : 'localhost';
}

const connect = Reflect.get(Socket.prototype, 'connect') as ((...given: unknown[]) => Socket) & {
  [closed]?: true;
};

/** Import this file to close the network: a test that connects to another machine fails. */
if (!connect[closed]) {
  const connectOnlyHere = function (this: Socket, ...given: unknown[]): Socket {
    const host = hostOf(given);
    if (!loopback.test(host)) throw new Error(`The network is closed in tests: ${host}`);
    return Reflect.apply<Socket, unknown[], Socket>(connect, this, given);
  };
  Reflect.set(Socket.prototype, 'connect', Object.assign(connectOnlyHere, { [closed]: true as const }));
}

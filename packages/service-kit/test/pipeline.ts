import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectSecurely, type ConnectionOptions } from 'node:tls';

/** A client that sends requests without waiting for answers, and collects the answers. */
export class RawCaller {
  received = '';
  /** The statuses of the answers so far. */
  readonly statuses: number[] = [];
  /** How much of `received` was searched for statuses. */
  #searched = 0;
  /** Resolves when the connection is closed. */
  readonly closed: Promise<void>;
  readonly #waiting = new Set<() => void>();

  private constructor(readonly socket: Socket) {
    socket.setEncoding('utf8').on('data', (text: string) => {
      this.received += text;
      this.#search();
      for (const look of this.#waiting) look();
    });
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        resolve();
      });
    });
  }

  static async open(port: number, tls?: ConnectionOptions): Promise<RawCaller> {
    const address = { port, host: '127.0.0.1' };
    const socket = tls
      ? connectSecurely({ ...address, servername: 'localhost', ...tls })
      : connectPlain(address);
    await new Promise<void>((resolve, reject) => {
      socket.once(tls ? 'secureConnect' : 'connect', resolve).once('error', reject);
    });
    return new RawCaller(socket);
  }

  get(...paths: readonly string[]): void {
    this.socket.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`).join(''));
  }

  /** Resolves after so many answers. Rejects if the connection is closed before. */
  async answers(count: number): Promise<void> {
    let look: () => void = () => undefined;
    const there = new Promise<void>((resolve) => {
      look = () => {
        if (this.statuses.length >= count) resolve();
      };
      look();
      this.#waiting.add(look);
    });
    const gone = this.closed.then(() => {
      if (this.statuses.length < count) throw new Error(`closed after ${this.statuses.length} answers`);
    });
    await Promise.race([there, gone]);
    this.#waiting.delete(look);
  }

  #search(): void {
    const statusLine = /HTTP\/1\.1 (\d{3}) /g;
    statusLine.lastIndex = this.#searched;
    for (let found; (found = statusLine.exec(this.received)); this.#searched = statusLine.lastIndex) {
      this.statuses.push(Number(found[1]));
    }
    this.#searched = Math.max(this.#searched, this.received.length - 'HTTP/1.1 200'.length);
  }
}

import type { RequestListener, Server } from 'node:http';
import { Server as SecureServer } from 'node:https';
import type { Socket } from 'node:net';
import { Connection, type ConnectionOwner } from './connection';
import type { Readiness } from './health';

/** The limits for the clients of one server. */
const defaultLimits = {
  /** How many connections are open. A further one is closed at once. An idle one takes up to 20 kB. */
  connections: 10_000,
  /** How many requests of one connection the app works on at a time. */
  requestsPerConnection: 32,
  /** How many parsed requests of all connections wait. */
  waitingRequests: 8_192,
  /** How often connections are checked. */
  checkIntervalMilliseconds: 5_000,
  /** How long a connection stays open without a request. */
  idleMilliseconds: 75_000,
  /** How long a client may leave an answer unread. */
  unreadMilliseconds: 30_000,
};

/** Tests set smaller limits. */
export type ConnectionLimits = Partial<typeof defaultLimits>;

/**
 * The connections of one server. They pass requests to the app, within these limits:
 *
 * - The app works on a few requests of a connection at a time. The others wait, and nothing more is read from
 *   the connection until they are answered. Node parses up to 64 kB (some 3,600 requests) at once, so the requests
 *   that wait are counted too: the connection that exceeds the total is closed.
 * - A connection is closed when its client sends no request for too long (empty lines and half a request line do
 *   not count), or does not read its answers.
 */
export class Connections implements ConnectionOwner {
  readonly requestsPerConnection: number;
  readonly #limits: typeof defaultLimits;
  readonly #connections = new Map<Socket, Connection>();
  #unanswered = 0;
  #started = 0;
  #draining = false;
  /** The connections that wait for their turn to be read, the next one last. */
  #turns: Connection[] = [];

  constructor(
    private readonly server: Server,
    readonly app: RequestListener,
    readonly readiness: Readiness,
    limits: ConnectionLimits = {},
  ) {
    this.#limits = { ...defaultLimits, ...limits };
    this.requestsPerConnection = this.#limits.requestsPerConnection;
    server.maxConnections = this.#limits.connections;
    server.on(server instanceof SecureServer ? 'secureConnection' : 'connection', (socket: Socket) => {
      this.#add(socket);
    });
    const receive: RequestListener = (request, response) => {
      // Node parses on after a connection is closed.
      if (!request.socket.destroyed) this.#connections.get(request.socket)?.receive(response);
    };
    server.on('request', receive);
    // Without this listener Node answers such requests itself, outside all limits.
    server.on('checkExpectation', receive);
    const { checkIntervalMilliseconds: interval, idleMilliseconds, unreadMilliseconds } = this.#limits;
    const check = setInterval(() => {
      for (const connection of this.#connections.values()) {
        connection.check(idleMilliseconds / interval, unreadMilliseconds / interval);
      }
    }, interval).unref();
    server.once('close', () => {
      clearInterval(check);
    });
  }

  /** How many requests are not answered yet. */
  get requests(): number {
    return this.#unanswered;
  }

  /** Resolves when every request is answered, or after so many milliseconds. */
  async allAnswered(milliseconds: number): Promise<void> {
    if (this.#unanswered === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.server.once('allAnswered', () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /**
   * From now on a connection is closed when it has no request to answer. A connection without a request so far, such
   * as one that a client's pool opened early, gets a second: up to version 24, Node does not count it as idle.
   */
  drain(): void {
    this.#draining = true;
    const closeUnused = setTimeout(() => {
      for (const { socket, answered, unanswered } of this.#connections.values()) {
        if (answered === 0 && unanswered.length === 0) socket.destroy();
      }
    }, 1_000);
    this.server.once('close', () => {
      clearTimeout(closeUnused);
    });
  }

  received({ socket }: Connection, waits: boolean): void {
    this.#unanswered += 1;
    if (!waits || this.#unanswered - this.#started <= this.#limits.waitingRequests) return;
    socket.destroy();
    this.#readInTurns();
  }

  started(): void {
    this.#started += 1;
  }

  answered(): void {
    this.#started -= 1;
    this.#release(1);
    if (!this.#draining) return;
    setImmediate(() => {
      this.server.closeIdleConnections();
    });
  }

  closed({ socket, unanswered, started }: Connection): void {
    this.#connections.delete(socket);
    this.#started -= started;
    this.#release(unanswered.length);
  }

  #add(socket: Socket): void {
    const connection = new Connection(socket, this);
    this.#connections.set(socket, connection);
    if (this.#turns.length === 0) return;
    connection.hold(true);
    this.#turns.push(connection);
  }

  /**
   * Reads one connection in each turn of the event loop, until each was read: the ones with the most answers first,
   * then the newest. Hundreds of connections may each bring some thousand requests. Parsing all of them in one turn
   * would take the memory for all of them, and would delay every other client.
   */
  #readInTurns(): void {
    const scheduled = this.#turns.length > 0;
    this.#turns = [...this.#connections.values()].sort((one, other) => one.answered - other.answered);
    for (const connection of this.#turns) connection.hold(true);
    if (!scheduled) setImmediate(this.#nextTurn);
  }

  readonly #nextTurn = (): void => {
    this.#turns.pop()?.hold(false);
    if (this.#turns.length > 0) setImmediate(this.#nextTurn);
  };

  #release(requests: number): void {
    if (requests === 0) return;
    this.#unanswered -= requests;
    if (this.#unanswered === 0) this.server.emit('allAnswered');
  }
}

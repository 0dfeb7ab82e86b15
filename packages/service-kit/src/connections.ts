import type { RequestListener, Server } from 'node:http';
import { Server as SecureServer } from 'node:https';
import type { Socket } from 'node:net';
import { Connection, type ConnectionOwner } from './connection';
import type { Readiness } from './health';

/** What one server allows its callers. The defaults are for production; tests use smaller ones. */
export interface ConnectionLimits {
  /** How many connections there may be; a further one is closed at once. Default 10,000. */
  connections?: number;
  /** How many requests of one connection are worked on at a time. Default 32. */
  requestsPerConnection?: number;
  /** How many parsed requests may wait for their turn, over all connections. Default 8,192. */
  waitingRequests?: number;
  /** How often connections are checked. Milliseconds, default 5,000. */
  checkIntervalMilliseconds?: number;
  /** How long a connection may go without a request. Milliseconds, default 75,000. */
  idleMilliseconds?: number;
  /** How long a caller may leave an answer unread. Milliseconds, default 30,000. */
  unreadMilliseconds?: number;
}

/**
 * The connections of one server. They hand the requests to the app, within these limits:
 *
 * - The app works on a few requests of a connection at a time. The others wait, and nothing more is read from
 *   the connection until they are answered. Node parses up to 64 kB (some 3,600 requests) at once, so the requests
 *   that wait are counted too: the connection that exceeds the total is closed.
 * - A connection is closed when its caller sends no request for too long (empty lines and half a request line do
 *   not count as one), or when the caller does not read its answers.
 */
export class Connections implements ConnectionOwner {
  readonly requestsPerConnection: number;
  readonly #waitingRequests: number;
  readonly #idleChecks: number;
  readonly #unreadChecks: number;
  readonly #server: Server;
  readonly #readiness: Readiness;
  readonly #connections = new Map<Socket, Connection>();
  #unanswered = 0;
  #started = 0;
  #draining = false;
  /** Connections that are read by turns, the next one last. */
  #turns: Connection[] = [];

  constructor(
    server: Server,
    readonly app: RequestListener,
    readiness: Readiness,
    limits: ConnectionLimits = {},
  ) {
    const {
      connections = 10_000,
      requestsPerConnection = 32,
      waitingRequests = 8_192,
      checkIntervalMilliseconds = 5_000,
      idleMilliseconds = 75_000,
      unreadMilliseconds = 30_000,
    } = limits;
    this.requestsPerConnection = requestsPerConnection;
    this.#waitingRequests = waitingRequests;
    this.#idleChecks = idleMilliseconds / checkIntervalMilliseconds;
    this.#unreadChecks = unreadMilliseconds / checkIntervalMilliseconds;
    // An idle connection takes up to 20 kB.
    server.maxConnections = connections;
    this.#server = server;
    this.#readiness = readiness;
    server.on(server instanceof SecureServer ? 'secureConnection' : 'connection', (socket: Socket) => {
      this.#add(socket);
    });
    const receive: RequestListener = (request, response) => {
      // Node goes on to parse what came before the connection was closed.
      if (!request.socket.destroyed) this.#connections.get(request.socket)?.receive(response);
    };
    server.on('request', receive);
    // Without this listener Node answers by itself, and no limit applies.
    server.on('checkExpectation', receive);
    const check = setInterval(() => {
      this.#check();
    }, checkIntervalMilliseconds).unref();
    server.once('close', () => {
      clearInterval(check);
    });
  }

  /** How many requests have come and are not answered. */
  get requests(): number {
    return this.#unanswered;
  }

  get stopping(): boolean {
    return this.#readiness.stopping;
  }

  /** Settles when every request is answered, or when the time is over. */
  async settled(milliseconds: number): Promise<void> {
    if (this.#unanswered === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#server.once('settled', () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /**
   * From now on a connection is closed as soon as it has no request to answer. One that has never had a request, as a
   * client's pool may open them, gets a second for its first: up to version 24, Node does not count it as idle.
   */
  drain(): void {
    this.#draining = true;
    const closeUnused = setTimeout(() => {
      for (const { socket, unused } of this.#connections.values()) if (unused) socket.destroy();
    }, 1_000);
    this.#server.once('close', () => {
      clearTimeout(closeUnused);
    });
  }

  received(): void {
    this.#unanswered += 1;
  }

  waits({ socket }: Connection): void {
    if (this.#unanswered - this.#started <= this.#waitingRequests) return;
    socket.destroy();
    this.#takeTurns();
  }

  started(): void {
    this.#started += 1;
  }

  answered(): void {
    this.#started -= 1;
    this.#release(1);
    if (!this.#draining) return;
    setImmediate(() => {
      this.#server.closeIdleConnections();
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
   * Reads one connection in a turn of the event loop until each was read, those first that have had the most
   * answers, then the newest. For hundreds of connections may bring some thousand requests each: to parse them all
   * in one turn would take the memory for all of them, and no other caller would be answered meanwhile.
   */
  #takeTurns(): void {
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
    if (this.#unanswered === 0) this.#server.emit('settled');
  }

  #check(): void {
    for (const connection of this.#connections.values()) {
      connection.check(this.#idleChecks, this.#unreadChecks);
    }
  }
}

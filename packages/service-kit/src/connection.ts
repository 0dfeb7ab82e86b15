import type { RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** What a connection needs to know, and tells, of all connections of its server. */
export interface ConnectionOwner {
  readonly app: RequestListener;
  /** How many requests of one connection are worked on at a time. */
  readonly requestsPerConnection: number;
  /** Whether the server is about to stop, so that no answer keeps its connection. */
  readonly stopping: boolean;
  received(): void;
  /** The request that was just received has to wait for its turn. */
  waits(connection: Connection): void;
  started(): void;
  answered(): void;
  closed(connection: Connection): void;
}

/** One connection, and the requests that came on it. */
export class Connection {
  /** In the order of their requests, which is that of the answers (RFC 9112 §9.3.2). */
  readonly unanswered: ServerResponse[] = [];
  /** How many of `unanswered`, from the first on, the app has. The others wait. */
  started = 0;
  /** How many requests were answered. */
  answered = 0;
  /** Whether its turn to be read has yet to come. */
  #held = false;
  #closed = false;
  #paused = false;
  #turnIsSet = false;
  /** How many checks in a row found that the caller does nothing. */
  #quietChecks = 0;

  constructor(
    readonly socket: Socket,
    private readonly owner: ConnectionOwner,
  ) {
    socket.once('close', () => {
      this.#close();
    });
  }

  /** Whether no request has come yet. */
  get unused(): boolean {
    return this.answered === 0 && this.unanswered.length === 0;
  }

  /** Takes a request that was parsed. The app gets it now, or when it is its turn. */
  receive(response: ServerResponse): void {
    const { unanswered, owner } = this;
    if (owner.stopping) {
      // Only the last answer says close: those behind it would be lost.
      const previous = unanswered.at(-1);
      if (previous?.headersSent === false) previous.shouldKeepAlive = true;
      response.shouldKeepAlive = false;
    }
    unanswered.push(response);
    this.#quietChecks = 0;
    if (unanswered.length >= owner.requestsPerConnection) this.#pauseOrResume();
    owner.received();
    if (unanswered.length === 1) {
      this.#start();
    } else {
      this.#takeTurn();
      owner.waits(this);
    }
  }

  /** Whether nothing is to be read from the connection, however few requests it has. */
  hold(held: boolean): void {
    this.#held = held;
    this.#pauseOrResume();
  }

  /** Closes the connection when its caller has done nothing for too many checks. */
  check(idleChecks: number, unreadChecks: number): void {
    const idle = this.unanswered.length === 0;
    if (!idle && this.socket.writableLength === 0) {
      // It is the app that is awaited.
      this.#quietChecks = 0;
      return;
    }
    this.#quietChecks += 1;
    if (this.#quietChecks > (idle ? idleChecks : unreadChecks)) this.socket.destroy();
  }

  /** Hands the next request to the app, if the limit allows. */
  #start(): boolean {
    const { unanswered, started, owner } = this;
    const response = unanswered[started];
    const previous = unanswered[started - 1];
    if (!response || started >= owner.requestsPerConnection) return false;
    // RFC 9112 §9.6: a request after an answer that says close is not processed.
    if (this.socket.writableEnded || (previous && saysClose(previous))) return false;
    this.started += 1;
    owner.started();
    response.on('close', this.#answered);
    owner.app(response.req, response);
    return true;
  }

  /** Answers end in their order, so it is the first one that has ended. One listener serves all of them. */
  readonly #answered = (): void => {
    if (this.#closed) return;
    // The app has destroyed an answer that is not the first: those behind it can never be sent.
    if (this.unanswered[0]?.writableFinished === false) {
      this.socket.destroy();
      return;
    }
    this.unanswered.shift();
    this.started -= 1;
    this.answered += 1;
    this.#quietChecks = 0;
    this.owner.answered();
    if (this.#paused) this.#pauseOrResume();
    if (this.started < this.unanswered.length) this.#takeTurn();
  };

  /**
   * Hands requests to the app in the next turn of the event loop: other connections come between, and those of a
   * flood that Node is still parsing. Answers that are written meanwhile would break the connection if it is TLS: Node
   * pauses its parser for them, and then parses on (HPE_PAUSED).
   */
  #takeTurn(): void {
    if (this.#turnIsSet) return;
    this.#turnIsSet = true;
    setImmediate(() => {
      this.#turnIsSet = false;
      while (this.#start());
    });
  }

  #pauseOrResume(): void {
    const { socket, owner } = this;
    const paused = this.#held || this.unanswered.length >= owner.requestsPerConnection;
    if (paused === this.#paused) return;
    this.#paused = paused;
    if (paused) {
      socket.pause();
      socket.on('resume', this.#keepPaused);
    } else {
      socket.off('resume', this.#keepPaused);
      socket.resume();
    }
  }

  /** Node resumes a connection by itself, for the body of a request, say. */
  readonly #keepPaused = (): void => {
    this.socket.pause();
  };

  #close(): void {
    this.#closed = true;
    this.owner.closed(this);
    for (const response of this.unanswered.slice(0, this.started)) {
      // Up to version 22, Node emits `close` for the one response that has the socket, and for none behind it.
      if (response.socket === null && !response.destroyed) {
        response.destroy();
        response.emit('close');
      }
    }
    this.unanswered.length = 0;
  }
}

function saysClose(response: ServerResponse): boolean {
  return response.headersSent && (!response.shouldKeepAlive || response.getHeader('connection') === 'close');
}

import type { RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Readiness } from './health';

/** What a connection shares with the other connections of its server. */
export interface ConnectionOwner {
  readonly app: RequestListener;
  /** How many requests of one connection the app works on at a time. */
  readonly requestsPerConnection: number;
  /** While the server stops, answers close their connection. */
  readonly readiness: Readiness;
  /** @param waits whether the request waits behind another of its connection. */
  received(connection: Connection, waits: boolean): void;
  started(): void;
  answered(): void;
  closed(connection: Connection): void;
}

/** One connection and its requests. */
export class Connection {
  /** In the order of the requests, which is the order of the answers (RFC 9112 §9.3.2). */
  readonly unanswered: ServerResponse[] = [];
  /** How many of `unanswered`, from the first on, the app works on. The others wait. */
  started = 0;
  /** How many requests were answered. */
  answered = 0;
  #held = false;
  #closed = false;
  #paused = false;
  #turnScheduled = false;
  /** How many checks in a row found no activity of the client. */
  #quietChecks = 0;

  constructor(
    readonly socket: Socket,
    private readonly owner: ConnectionOwner,
  ) {
    socket.once('close', () => {
      this.#close();
    });
  }

  /** Takes a parsed request. The first one starts now, the others start in turn. */
  receive(response: ServerResponse): void {
    const { unanswered, owner } = this;
    if (owner.readiness.stopping) {
      // Only the last answer says close: the answers behind it would be lost.
      const previous = unanswered.at(-1);
      if (previous?.headersSent === false) previous.shouldKeepAlive = true;
      response.shouldKeepAlive = false;
    }
    unanswered.push(response);
    this.#quietChecks = 0;
    if (unanswered.length >= owner.requestsPerConnection) this.#pauseOrResume();
    const waits = unanswered.length > 1;
    if (waits) this.#scheduleTurn();
    owner.received(this, waits);
    if (!waits) this.#start();
  }

  /** Stops or resumes reading from the connection, regardless of its number of requests. */
  hold(held: boolean): void {
    this.#held = held;
    this.#pauseOrResume();
  }

  /** Closes the connection if its client was inactive for too many checks. */
  check(idleChecks: number, unreadChecks: number): void {
    const idle = this.unanswered.length === 0;
    if (!idle && this.socket.writableLength === 0) {
      // The client waits for the app.
      this.#quietChecks = 0;
      return;
    }
    this.#quietChecks += 1;
    if (this.#quietChecks > (idle ? idleChecks : unreadChecks)) this.socket.destroy();
  }

  /** Passes the next request to the app, if the limit allows it. */
  #start(): boolean {
    const { unanswered, started, owner } = this;
    const response = unanswered[started];
    const previous = unanswered[started - 1];
    if (!response || started >= owner.requestsPerConnection) return false;
    // RFC 9112 §9.6: a request behind an answer that says close is not processed.
    if (this.socket.writableEnded || (previous && saysClose(previous))) return false;
    this.started += 1;
    owner.started();
    response.on('close', this.#answered);
    owner.app(response.req, response);
    return true;
  }

  /** Answers end in order, so the first one has ended. One listener serves all answers. */
  readonly #answered = (): void => {
    if (this.#closed) return;
    // The app destroyed an answer that is not the first: the ones behind it can never be sent.
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
    if (this.started < this.unanswered.length) this.#scheduleTurn();
  };

  /**
   * Starts requests in the next turn of the event loop, so that other connections get a turn too. An answer must not be
   * written while Node parses requests of the same TLS connection: Node would pause the parser, continue anyway, and
   * fail with HPE_PAUSED.
   */
  #scheduleTurn(): void {
    if (this.#turnScheduled) return;
    this.#turnScheduled = true;
    setImmediate(() => {
      this.#turnScheduled = false;
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

  /** Node resumes a connection itself, for example to read a body. */
  readonly #keepPaused = (): void => {
    this.socket.pause();
  };

  #close(): void {
    this.#closed = true;
    this.owner.closed(this);
    for (const response of this.unanswered.slice(0, this.started)) {
      // Up to version 22, Node emits `close` only for the response that has the socket.
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

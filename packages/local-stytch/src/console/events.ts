import type { Request, Response } from 'express';
import type { Controlled } from '../adminApi';
import type { Changed } from '../changes';
import type { Change } from '../consoleApi';
import { TransportError } from '../errors';
import { describeState } from '../localState';

const maxListeners = 20;
/** At most one change is sent in this time. Milliseconds. */
const intervalMilliseconds = 200;
/** Changes that follow each other closely are sent together. Milliseconds. */
const gatherMilliseconds = 20;
const heartbeatMilliseconds = 15_000;
/** A listener with more unread bytes is disconnected. */
const maxUnreadBytes = 1_000_000;

/** The stores whose changes are sent. */
type Stores = Pick<Controlled, 'state' | 'faults' | 'traces'>;

/** Sends the changes of the stores to the open pages, as Server-Sent Events (https://html.spec.whatwg.org, §9.2). */
export class Events {
  private readonly listeners = new Set<Response>();
  private heartbeat: NodeJS.Timeout | undefined;
  private sending: NodeJS.Timeout | undefined;
  private lastSentAt = -Infinity;
  private closed = false;

  constructor(private readonly stores: Stores) {}

  /** Keeps the answer open. @throws TransportError when there are too many. */
  listen({ method }: Pick<Request<unknown>, 'method'>, response: Response): void {
    if (this.closed) {
      // A page then connects again, which it would not do after an error.
      response.destroy();
      return;
    }
    if (this.listeners.size >= maxListeners) throw new TransportError(503, 'tooManyListeners');
    response.set({ 'Content-Type': 'text/event-stream', 'X-Content-Type-Options': 'nosniff' });
    if (method === 'HEAD') {
      response.end();
      return;
    }
    response.write('retry: 1000\n\n');
    this.listeners.add(response);
    if (this.listeners.size === 1) this.start();
    response.once('close', () => {
      this.listeners.delete(response);
      if (this.listeners.size === 0) this.stop();
    });
  }

  /** Ends all streams, so that the server can stop. */
  close(): void {
    this.closed = true;
    for (const response of this.listeners) response.destroy();
  }

  private start(): void {
    this.stores.state.changes.listen(() => {
      this.schedule();
    });
    this.heartbeat = setInterval(() => {
      this.write(': heartbeat\n\n');
    }, heartbeatMilliseconds);
  }

  private stop(): void {
    this.stores.state.changes.stopListening();
    clearInterval(this.heartbeat);
    clearTimeout(this.sending);
    this.sending = undefined;
  }

  private schedule(): void {
    if (this.sending) return;
    const wait = this.lastSentAt + intervalMilliseconds - performance.now();
    this.sending = setTimeout(this.send, Math.max(gatherMilliseconds, wait));
  }

  private readonly send = (): void => {
    this.sending = undefined;
    this.lastSentAt = performance.now();
    const change = describeChange(this.stores.state.changes.take(), this.stores);
    this.write(`event: change\ndata: ${JSON.stringify(change)}\n\n`);
  };

  private write(event: string): void {
    for (const response of this.listeners) {
      if (response.writableLength > maxUnreadBytes) response.destroy();
      else response.write(event);
    }
  }
}

function describeChange(changed: Changed, { state, faults, traces }: Stores): Change {
  if (changed.reset) return { reset: true };
  const summaries = [...changed.traceIds].flatMap((traceId) => traces.summary(traceId) ?? []);
  return {
    ...(changed.requests.size > 0 && { requests: [...changed.requests] }),
    ...(summaries.length > 0 && { traces: summaries }),
    ...(changed.tokens.length > 0 && { tokens: changed.tokens }),
    ...(changed.clients && { clients: true }),
    ...(changed.state && { state: describeState(state) }),
    ...(changed.faults && { faults: faults.list() }),
  };
}

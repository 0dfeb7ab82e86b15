/** What the bench and its child processes say to each other. */

/** To a child: a question, the answer to which carries the same id. */
export interface Question<Ask> {
  id: number;
  ask: Ask;
}

/** What a server has used since it started. */
export interface Usage {
  /** Of all its threads, user and system. */
  cpuMicroseconds: number;
  rssBytes: number;
  /** Of the JavaScript heap, and what its objects hold outside of it. */
  heapBytes: number;
  /** Connections that it took. */
  socketsAccepted: number;
}

/** How much load: for how long, or how many requests in all. */
export type Amount = { seconds: number } | { requests: number };

/** What the load generator is to send. */
export interface LoadJob {
  url: string;
  method?: 'GET' | 'POST';
  headers?: Record<string, string>;
  body?: string;
  /** Each sends its next request when the answer to the last is there. */
  connections: number;
  amount: Amount;
  /**
   * A bad access token for each request, never the same twice: `forged` has the header and claims of the
   * `model`, an id of its own and a signature that is none; `garbage` is no token at all.
   */
  badTokens?: { kind: 'forged' | 'garbage'; model: string };
}

export interface LoadResult {
  /** How many answers had which status. */
  statuses: Record<string, number>;
  /** Connections that broke, answers that did not come in time. */
  errors: number;
  seconds: number;
  /** Milliseconds from a request to its answer. */
  latency: { p50: number; p99: number };
}

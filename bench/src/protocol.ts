/** The messages between the benchmark and its child processes. */

/** A question to a child process. The answer has the same id. */
export interface Question<Ask> {
  id: number;
  ask: Ask;
}

/** What a server has used since it started. */
export interface Usage {
  /** User and system time of all threads. */
  cpuMicroseconds: number;
  rssBytes: number;
  /** The JavaScript heap in use, and the memory outside of it that its objects use. */
  heapBytes: number;
  /** The connections that it has accepted. */
  socketsAccepted: number;
}

/** An amount of load: a duration, or the total number of requests. */
export type Amount = { seconds: number } | { requests: number };

/** What a client needs for TLS, in PEM. */
export interface TlsClient {
  ca: string;
  /** The client's certificate and key, for mutual TLS. */
  cert?: string;
  key?: string;
}

/** The requests that the load generator sends. */
export interface LoadJob {
  url: string;
  method?: 'GET' | 'POST';
  headers?: Record<string, string>;
  body?: string;
  /** Each connection sends its next request after the answer to the last one. */
  connections: number;
  amount: Amount;
  /**
   * Sends a different bad access token with each request. A `forged` token has the header and claims of the `model`,
   * a new id and a random signature; `garbage` is random text.
   */
  badTokens?: { kind: 'forged' | 'garbage'; model: string };
  /** For an https url. */
  tls?: TlsClient;
  /** Opens a connection for each request: with a `full` TLS handshake, or with a `resumed` session. */
  handshakes?: 'full' | 'resumed';
  /** Sends so many requests a second, evenly, however long the answers take. Default: no limit. */
  requestsPerSecond?: number;
}

export interface LoadResult {
  /** The number of answers by status. */
  statuses: Record<string, number>;
  /** Broken connections and timeouts. */
  errors: number;
  seconds: number;
  /** Milliseconds from a request to its answer. */
  latency: { p50: number; p99: number };
  /** The number of resumed TLS sessions, for a job with `handshakes`. */
  resumed?: number;
}

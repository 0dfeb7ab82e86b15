/** The part of autocannon that this repository uses. autocannon has no types. */
declare module 'autocannon' {
  interface Request {
    method?: 'GET' | 'POST';
    headers?: Record<string, string>;
    body?: string;
    /** Returns the request to send. Called before each request. */
    setupRequest?: (request: Request) => Request;
  }

  interface Options extends Request {
    url: string;
    connections: number;
    /** Seconds. */
    duration?: number;
    /** The total number of requests, instead of a duration. */
    amount?: number;
    /** Of an answer. Seconds. */
    timeout?: number;
    /** The interval in which it checks whether the time is over. Milliseconds. */
    sampleInt?: number;
    /** The most requests per second, over all connections. Default: no limit. */
    overallRate?: number;
    /** For an https url, in PEM. It does not verify the server. */
    tlsOptions?: { ca?: string; cert?: string; key?: string };
    /** Each connection sends them in turn. */
    requests?: Request[];
    /** An answer with a different body counts as a mismatch. */
    expectBody?: string;
  }

  interface Result {
    /** Seconds. */
    duration: number;
    '2xx': number;
    non2xx: number;
    /** By status. */
    statusCodeStats: Record<string, { count: number }>;
    errors: number;
    timeouts: number;
    mismatches: number;
    /** Milliseconds. */
    latency: { p50: number; p99: number; max: number };
    requests: { average: number; total: number };
  }

  interface Load extends Promise<Result> {
    /** Ends the load early. */
    stop(): void;
  }

  export default function autocannon(options: Options): Load;
}

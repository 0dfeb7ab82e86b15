/** As much of autocannon, which has no types, as is used in this repository. */
declare module 'autocannon' {
  interface Request {
    method?: 'GET' | 'POST';
    headers?: Record<string, string>;
    body?: string;
    /** Called ahead of each time that the request is sent; what it returns is sent. */
    setupRequest?: (request: Request) => Request;
  }

  interface Options extends Request {
    url: string;
    connections: number;
    /** Seconds. */
    duration?: number;
    /** So many requests in all, in place of a duration. */
    amount?: number;
    /** Seconds that an answer may take. */
    timeout?: number;
    /** Milliseconds between two looks at whether the time is over. */
    sampleInt?: number;
    /** At most so many requests a second, of all connections together. Default: as many as there are answers. */
    overallRate?: number;
    /** Sent in turn by each connection. */
    requests?: Request[];
    /** Answers with another body count as mismatches. */
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
    /** Ends the load ahead of its time. */
    stop(): void;
  }

  export default function autocannon(options: Options): Load;
}

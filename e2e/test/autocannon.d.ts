/** As much of autocannon, which has no types, as is used here. */
declare module 'autocannon' {
  interface Options {
    url: string;
    connections: number;
    /** Seconds. */
    duration: number;
    /** Answers with another body count as mismatches. */
    expectBody?: string;
  }

  interface Result {
    /** Seconds. */
    duration: number;
    '2xx': number;
    non2xx: number;
    errors: number;
    timeouts: number;
    mismatches: number;
    latency: { p50: number; p99: number; max: number };
    requests: { average: number; total: number };
  }

  export default function autocannon(options: Options): Promise<Result>;
}

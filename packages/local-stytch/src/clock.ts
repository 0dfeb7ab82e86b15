/** The clock by which tokens are issued. Tests shift it. */
export class Clock {
  /** How far this clock is ahead of the real one, in seconds; negative when it is behind. */
  offsetSeconds = 0;

  /** @param now the real time, in milliseconds since 1970. */
  constructor(private readonly now: () => number) {}

  /** The shifted time, in whole seconds since 1970, as JWTs count it (RFC 7519, NumericDate). */
  seconds(): number {
    return Math.floor(this.now() / 1000 + this.offsetSeconds);
  }
}

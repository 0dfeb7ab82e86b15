/** The clock that dates tokens. Tests move it. */
export class Clock {
  /** How far this clock is ahead of the real one; negative when it is behind. Seconds. */
  offsetSeconds = 0;

  /** The time of this clock, in whole seconds since 1970, as in JWTs (RFC 7519, NumericDate). */
  seconds(): number {
    return Math.floor(Date.now() / 1000 + this.offsetSeconds);
  }
}

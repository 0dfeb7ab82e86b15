import type { Changes } from './changes';

/** The clock that dates tokens. Tests move it. */
export class Clock {
  private offset = 0;

  constructor(private readonly changes: Changes) {}

  /** How far this clock is ahead of the real one; negative when it is behind. Seconds. */
  get offsetSeconds(): number {
    return this.offset;
  }

  set offsetSeconds(seconds: number) {
    this.offset = seconds;
    this.changes.state();
  }

  /** The time of this clock, in whole seconds since 1970, as in JWTs (RFC 7519, NumericDate). */
  seconds(): number {
    return Math.floor(Date.now() / 1000 + this.offset);
  }
}

/** How far the two clocks may be apart. After the sleep of a machine, or a set clock, they are further. Milliseconds. */
const maxDifference = 50;

/** The time in milliseconds since 1970. Unlike `Date.now()`, it has fractions, so that short operations are in order. */
export function preciseTime(): number {
  const precise = performance.timeOrigin + performance.now();
  const coarse = Date.now();
  return Math.abs(precise - coarse) < maxDifference ? precise : coarse;
}

/** 12345.6 as `12,346`. */
export function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** Bytes as mebibytes, with one decimal. */
export function mebibytes(bytes: number): string {
  return (bytes / 1_048_576).toFixed(1);
}

/** A ratio such as `1.25x`. */
export function times(ratio: number): string {
  return `${ratio.toFixed(2)}x`;
}

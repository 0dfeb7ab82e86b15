/** Matches a `Retry-After` of 1 s or more. */
export const someSeconds: unknown = expect.stringMatching(/^[1-9]\d*$/);

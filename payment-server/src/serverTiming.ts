/** The `Server-Timing` header (W3C Server Timing): the duration of each step in milliseconds, failed steps included. */
export class ServerTiming {
  readonly #entries: string[] = [];

  /** @param describe makes the description of a result. */
  async measure<Result>(
    name: string,
    work: () => Promise<Result>,
    describe?: (result: Result) => string,
  ): Promise<Result> {
    const startedAt = performance.now();
    let description = '';
    try {
      const result = await work();
      if (describe) description = `;desc="${describe(result)}"`;
      return result;
    } finally {
      this.#entries.push(`${name}${description};dur=${(performance.now() - startedAt).toFixed(1)}`);
    }
  }

  toString(): string {
    return this.#entries.join(', ');
  }
}

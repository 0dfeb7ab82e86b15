/** The `Server-Timing` header (W3C Server Timing): what took how long, in milliseconds, also what failed. */
export class ServerTiming {
  readonly #entries: string[] = [];

  /** @param describe what to say about the result. */
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

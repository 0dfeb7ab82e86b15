/** The part of dclint that is used here: its own types lack the file extensions without which they do not resolve. */
declare module 'dclint' {
  export class DCLinter {
    constructor(config: {
      /** By name: 0 turns a rule off. Those that are not named are on. */
      rules: Record<string, 0 | 1 | 2>;
      quiet: boolean;
      debug: boolean;
      exclude: string[];
    });
    lintFiles(paths: string[], recursively: boolean): { messages: { rule: string; message: string }[] }[];
  }
}

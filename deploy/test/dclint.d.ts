/** The part of dclint that is used here. Its own types do not resolve, because their imports lack file extensions. */
declare module 'dclint' {
  export class DCLinter {
    constructor(config: {
      /** By name: 0 turns a rule off. All other rules are on. */
      rules: Record<string, 0 | 1 | 2>;
      quiet: boolean;
      debug: boolean;
      exclude: string[];
    });
    lintFiles(paths: string[], recursively: boolean): { messages: { rule: string; message: string }[] }[];
  }
}

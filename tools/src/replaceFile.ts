import { renameSync, rmSync, writeFileSync } from 'node:fs';

/** Replaces a file atomically: a reader gets either the old content or the new. */
export function replaceFile(file: string, text: string, mode: number): void {
  const temporary = `${file}.new`;
  // A file that an interrupted run left would keep its mode.
  rmSync(temporary, { force: true });
  writeFileSync(temporary, text, { mode });
  renameSync(temporary, file);
}

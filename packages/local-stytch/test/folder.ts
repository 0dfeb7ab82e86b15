import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder that is removed after the tests of a file. */
export function temporaryFolder() {
  const path = mkdtempSync(join(tmpdir(), 'local-stytch-'));
  afterAll(() => {
    rmSync(path, { recursive: true });
  });
  return {
    path,
    /** Writes a file and returns its path. */
    file: (name: string, text: string) => {
      const file = join(path, name);
      writeFileSync(file, text);
      return file;
    },
  };
}

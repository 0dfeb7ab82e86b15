/**
 * Puts the first client secret where the payment-servers keep theirs, before they start:
 *
 *     node seedSecret.mjs FROM TO
 *
 * A TO that is there already stays as it is, for a rotation may have replaced it, and then FROM need not be there
 * any more. Several replicas may do this at once: the file appears whole, and once.
 */
import { randomUUID } from 'node:crypto';
import { existsSync, linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import process from 'node:process';

const [, , from, to] = process.argv;
if (!existsSync(to)) {
  const temporary = `${to}.${randomUUID()}`;
  try {
    writeFileSync(temporary, readFileSync(from), { mode: 0o600, flush: true });
    linkSync(temporary, to); // Unlike a rename, it does not replace what another has put there meanwhile.
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}

/**
 * Copies the first client secret to the file of the payment-servers, before they start:
 *
 *     node seedSecret.mjs FROM TO
 *
 * If TO exists, it is not changed, because a rotation may have replaced it, and FROM is not needed. Several replicas may
 * run this at the same time: the file is created once, with its whole content.
 */
import { randomUUID } from 'node:crypto';
import { existsSync, linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import process from 'node:process';

const [, , from, to] = process.argv;
if (!existsSync(to)) {
  const temporary = `${to}.${randomUUID()}`;
  try {
    writeFileSync(temporary, readFileSync(from), { mode: 0o600, flush: true });
    linkSync(temporary, to); // Unlike a rename, a link does not replace an existing file.
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}

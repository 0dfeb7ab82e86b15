import { randomUUID } from 'node:crypto';
import { readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** Distinguishes this process from an earlier one with the same process id. */
const uuid = randomUUID();

/** The host and its process id namespace: containers may share a host name, but not their process ids. */
function thisMachine(): string {
  try {
    return `${hostname()}/${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return `${hostname()}/-`;
  }
}

/** A unique name of this process, without spaces. */
export function thisProcess(): string {
  return `${thisMachine()}/${process.pid}/${uuid}`;
}

/**
 * Whether a process runs. `undefined` for processes of other machines, which cannot be checked.
 *
 * @param identity the result of `thisProcess` in that process.
 */
export function isRunning(identity: string): boolean | undefined {
  const [host, namespace, pid = '', itsUuid] = identity.split('/');
  if (`${host}/${namespace}` !== thisMachine() || !/^\d+$/.test(pid)) return undefined;
  if (Number(pid) === process.pid) return itsUuid === uuid;
  try {
    process.kill(Number(pid), 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

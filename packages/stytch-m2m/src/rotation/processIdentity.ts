import { randomUUID } from 'node:crypto';
import { readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** Tells this process from an earlier one with the same number. */
const uuid = randomUUID();

/** Where process numbers mean what they mean here: containers can share a host's name, and not its processes. */
function thisMachine(): string {
  try {
    return `${hostname()}/${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return `${hostname()}/-`;
  }
}

/** This process, in one word that no other process has. */
export function thisProcess(): string {
  return `${thisMachine()}/${process.pid}/${uuid}`;
}

/**
 * Whether a process is known to run, or known to be gone. Only this machine's processes can be asked for;
 * `undefined` for all others.
 *
 * @param identity what `thisProcess` returned there.
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

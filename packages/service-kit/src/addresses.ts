import { z } from 'zod';
import type { Logger } from './logger';

/**
 * An http or https address without credentials, query or fragment, kept without a slash at its end. Goes with
 * `crossFieldChecks`, which refuses plain http to hosts that may not be called like that.
 */
export function httpAddress() {
  const error = 'must be an http:// or https:// address without user, query or fragment';
  return z
    .string()
    .refine(isHttpAddress, { error })
    .transform((value) => value.replace(/\/+$/, ''));
}

function isHttpAddress(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const url = new URL(value);
  return /^https?:$/.test(url.protocol) && !url.username && !url.password && !/[?#]/.test(value);
}

export const mustBeSecure = 'must be https:// unless it is on this machine: secrets are sent there';

/** As `httpAddress`, and https:// unless it is on this very machine: for addresses that are sent secrets. */
export function secureAddress() {
  return httpAddress().refine((address) => !isInsecure(address, []), { error: mustBeSecure });
}

/** Host names of a private network, separated by commas. */
export function privateHostNames() {
  const names = (value: string) => value.split(',').map((name) => name.trim().toLowerCase());
  const error = 'must be host names without a dot, or under .internal, separated by commas';
  return z
    .string()
    .refine((value) => names(value).every(isPrivateHostName), { error })
    .transform(names);
}

/**
 * Whether a host name exists on private networks only, as the name of a container does: it has no dot, or is under
 * `.internal`, which ICANN reserves for private use.
 */
export function isPrivateHostName(name: string): boolean {
  return /^[a-z\d]([a-z\d_-]*|[a-z\d_.-]*\.internal)$/i.test(name);
}

/**
 * Whether an address is plain http to a host that may not be sent secrets like that. Only this machine may, and the
 * hosts that are named: by their exact names, at any port.
 */
export function isInsecure(address: string, insecureHosts: readonly string[]): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, hostname } = new URL(address);
  return protocol === 'http:' && !isLoopback(hostname) && !insecureHosts.includes(hostname);
}

/** Whether this is a name or an address of this very machine. IPv6 is in brackets, as in a URL. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}

/** Logs that secrets are sent unencrypted, so that a development setting that was copied is noticed. */
export function warnOfInsecureHosts(
  { INSECURE_HTTP_HOSTS: hosts }: { INSECURE_HTTP_HOSTS?: readonly string[] | undefined },
  logger: Pick<Logger, 'warn'>,
): void {
  if (hosts) logger.warn({ hosts }, 'secrets are sent to these hosts unencrypted: for development only');
}

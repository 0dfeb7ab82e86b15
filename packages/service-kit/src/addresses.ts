import { z } from 'zod';

/**
 * A setting: an http or https address. Slashes at its end are removed. Use it with `crossFieldChecks`, which refuses
 * plain http to other machines.
 */
export function httpAddress() {
  return z
    .string()
    .refine(isHttpAddress, {
      error: 'must be an http:// or https:// address without user, query or fragment',
    })
    .transform((value) => value.replace(/\/+$/, ''));
}

function isHttpAddress(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const url = new URL(value);
  return /^https?:$/.test(url.protocol) && !url.username && !url.password && !/[?#]/.test(value);
}

export const mustBeSecure = 'must be https:// unless it is on this machine: secrets are sent there';

/** A setting: host names of a private network, separated by commas. */
export function privateHostNames() {
  const names = (value: string) => value.split(',').map((name) => name.trim().toLowerCase());
  return z
    .string()
    .refine((value) => names(value).every(isPrivateHostName), {
      error: 'must be host names without a dot, or under .internal, separated by commas',
    })
    .transform(names);
}

/**
 * Whether a host name exists on private networks only, such as the name of a container: it has no dot, or it is under
 * `.internal`, which ICANN reserves for private use.
 */
export function isPrivateHostName(name: string): boolean {
  return /^[a-z\d]([a-z\d_-]*|[a-z\d_.-]*\.internal)$/i.test(name);
}

/** Whether an address is plain http to another machine that is not one of `insecureHosts`. The port is ignored. */
export function isInsecure(address: string, insecureHosts: readonly string[]): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, hostname } = new URL(address);
  return protocol === 'http:' && !isLoopback(hostname) && !insecureHosts.includes(hostname);
}

/** Whether a host name or address is this machine's own. IPv6 is in brackets, as in a URL. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}

import type { ConsoleInfo } from '../../src/consoleApi';
import type { ServiceAt } from './diagram';

/** Finds the services that the page knows by the host and the port of an address. */
export function serviceAt(info: Pick<ConsoleInfo, 'base_url' | 'services'> | null): ServiceAt {
  const known = info ? [...info.services, { name: 'local-stytch', url: info.base_url }] : [];
  const names = new Map(known.map(({ name, url }) => [hostOf(url), name]));
  return (url) => names.get(hostOf(url));
}

/** This machine has several names. */
function hostOf(url: string): string {
  if (!URL.canParse(url)) return url;
  const { protocol, hostname, port } = new URL(url);
  const name = hostname === '127.0.0.1' || hostname === '[::1]' ? 'localhost' : hostname;
  return `${name}:${port || (protocol === 'https:' ? '443' : '80')}`;
}

import { isLoopback } from 'service-kit';
import { z } from 'zod';
import type { Changes } from '../changes';
import type { Scenario } from '../consoleApi';
import { callSchema } from './callSchema';

/** The name of the emulator itself among the services. */
export const ownName = 'local-stytch';

const loopbackAddress = z
  .string()
  .refine(isOrigin, {
    error: 'must be http:// or https:// and a host, without user, path, query and fragment',
  })
  .refine((url) => !isOrigin(url) || isLoopback(new URL(url).hostname), {
    error: 'must be on this machine: localhost, 127.0.0.1 or [::1]',
  })
  .transform((url) => new URL(url).origin);

/** A service that the page can call. */
export const serviceSchema = z.strictObject({
  name: z.string().regex(/^[\w.-]{1,64}$/, { error: 'must be 1 to 64 letters, digits, and . _ -' }),
  url: loopbackAddress,
  /** PEM files: the CA of its certificate, and the certificate and key to show. */
  ca: z.string().optional(),
  certificate: z.string().optional(),
  key: z.string().optional(),
});

export type Service = z.infer<typeof serviceSchema>;

const title = z.string().max(200);
const local = z.strictObject({
  method: z.enum(['POST', 'PUT', 'DELETE']),
  path: z.string().regex(/^\/local\/[\w/.%~-]+$/, { error: 'must be a path under /local/' }),
  body: z.unknown().optional(),
});
const scenarioSchema = z.strictObject({
  id: z.string().max(100),
  title,
  sentence: z.string().max(2_000),
  steps: z
    .array(z.union([z.strictObject({ title, call: callSchema }), z.strictObject({ title, local })]))
    .max(100),
});

/** What the parent process sends: what the page can call and try. */
export const consoleMessageSchema = z.strictObject({
  services: z.array(serviceSchema).max(50).default([]),
  scenarios: z.array(scenarioSchema).max(200).default([]),
});

/** The services and scenarios of the page. The parent process of a program replaces them. */
export class ConsoleContent {
  services: readonly Service[] = [];
  scenarios: readonly Scenario[] = [];

  constructor(private readonly changes: Changes) {}

  /** @throws ZodError */
  replace(message: unknown): void {
    const { services, scenarios } = consoleMessageSchema.parse(message);
    this.services = services;
    this.scenarios = scenarios;
    this.changes.reset();
  }
}

/**
 * Reads `name=url`.
 *
 * @throws Error that says what is wrong.
 */
export function readService(text: string): Service {
  const [, name, url] = /^([^=]*)=(.*)$/s.exec(text) ?? [];
  const result = serviceSchema.safeParse({ name: name ?? text, url: url ?? '' });
  if (result.success) return result.data;
  const [{ path, message } = { path: [], message: '' }] = result.error.issues;
  throw new Error(`${path.join('.')} ${message}`);
}

function isOrigin(url: string): boolean {
  if (!URL.canParse(url) || /[?#@\\\s]/.test(url)) return false;
  const { protocol, pathname } = new URL(url);
  return /^https?:$/.test(protocol) && pathname === '/';
}

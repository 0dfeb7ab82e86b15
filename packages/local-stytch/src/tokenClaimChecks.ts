import { cut } from './mask';
import type { State } from './state';
import { tokenClaims } from './token';

/** Whether a check passed, and what was found. Null: there was nothing to check. */
export type Finding = readonly [passed: boolean | null, explanation: string];

type Claims = Readonly<Record<string, unknown>> | null;

/** RFC 7519 §4.1.1. A project with a custom domain has its base URL as the issuer. */
export function checkIssuer({ projectId, baseUrl }: State, issuer: unknown): Finding {
  if (issuer === `stytch.com/${projectId}` || issuer === baseUrl) {
    return [true, `${show(issuer)} is this project.`];
  }
  return [false, `It is ${show(issuer)}, and must be "stytch.com/${projectId}" or the base URL.`];
}

/** RFC 7519 §4.1.3. A claims template can replace the project's id. */
export function checkAudience(state: State, claims: Claims): Finding {
  const { aud, sub } = claims ?? {};
  const client = state.clients.get(typeof sub === 'string' ? sub : '');
  const expected = client ? [tokenClaims(state, client, '').aud].flat() : [state.projectId];
  if ([aud].flat().some((one) => expected.includes(one))) return [true, `${show(aud)} is whom it is for.`];
  return [
    false,
    `It is ${show(aud)}, and must have ${expected.map(show).join(' or ')}: it is for somebody else.`,
  ];
}

/** RFC 7519 §4.1.4 to §4.1.6, by the emulator's clock. */
export function checkTimes({ clock }: State, claims: Claims): Finding {
  const { exp, nbf, iat } = claims ?? {};
  const now = clock.seconds();
  for (const [name, time] of Object.entries({ exp, nbf, iat })) {
    if (time === undefined ? name === 'exp' : !Number.isFinite(time)) {
      return [false, `${name} is ${show(time)}, and must be a number of seconds since 1970.`];
    }
  }
  if (Number(exp) <= now) return [false, `It expired ${seconds(now - Number(exp))} ago.`];
  if (Number(nbf ?? 0) > now) return [false, `It is not valid yet, but in ${seconds(Number(nbf) - now)}.`];
  return [true, `It is valid for another ${seconds(Number(exp) - now)}.`];
}

/** RFC 6749 §3.3. As at Stytch, `read:*` includes `read:users`. */
export function checkScopes(scope: unknown, required: readonly string[] | undefined): Finding {
  if (typeof scope !== 'string') return [false, `The claim scope is ${show(scope)}, and must be a text.`];
  const scopes = scope.split(' ').filter((one) => one !== '');
  if (required === undefined) return [null, `It has ${list(scopes)}. Each route requires its own.`];
  const missing = required.filter((one) => !includes(scopes, one));
  if (missing.length > 0) return [false, `It has ${list(scopes)}, and lacks ${list(missing)}: 403.`];
  return [true, `It has ${list(required)}.`];
}

function includes(scopes: readonly string[], required: string): boolean {
  const colon = required.indexOf(':');
  return scopes.includes(required) || (colon > 0 && scopes.includes(`${required.slice(0, colon)}:*`));
}

function list(scopes: readonly string[]): string {
  if (scopes.length === 0) return 'no scopes';
  return cut(`${scopes.length === 1 ? 'the scope' : 'the scopes'} ${scopes.join(', ')}`, 300);
}

function seconds(count: number): string {
  return `${count} s`;
}

/** A value in a sentence. */
export function show(value: unknown): string {
  return value === undefined ? 'missing' : cut(JSON.stringify(value), 100);
}

import { api } from '../api';
import { formatCount, formatDuration, formatSeconds } from '../format';
import { faults, state } from '../live';
import type { ListedFault } from '../../src/consoleApi';
import { ConfirmButton } from './ConfirmButton';
import { Scrollable } from './Scrollable';

const usualLifetimeSeconds = 3_600;

/** What is switched on, above all tabs. */
export function Banner() {
  const changes = [...faults.value.map(describeFault), ...describeState()];
  if (changes.length === 0) return null;
  return (
    <section class="banner" aria-label="Switched on">
      <strong>Switched on</strong>
      <Scrollable label="Switched on">
        <ul>
          {changes.map((change, index) => (
            <li key={index}>{change}</li>
          ))}
        </ul>
      </Scrollable>
      <ConfirmButton
        label="Reset everything"
        question="Reset everything?"
        consequence="Faults, clock, keys, clients and settings go back to those of the start. Requests, tokens and traces are emptied. A service that has rotated its secret needs a restart."
        action="Reset"
        run={api.reset}
      />
    </section>
  );
}

/** A fault in words, such as `Delay of 2 sec on the token endpoint, 3 left`. */
export function describeFault(fault: ListedFault): string {
  const { kind, method, path, milliseconds, status, remaining } = fault;
  const what = {
    delay: `Delay of ${formatDuration(milliseconds ?? 0)}`,
    status: `Status ${status ?? ''}`,
    hang: 'No answer',
    stall: 'Half an answer',
    drop: 'Closed connection',
    drop_answer: 'Closed connection after the work',
    not_json: 'HTML in place of JSON',
  }[kind];
  const left = remaining === null ? '' : `, ${formatCount(remaining)} left`;
  return `${what} on ${method === undefined ? '' : `${method} `}${describePath(path)}${left}`;
}

function describePath(path: string): string {
  if (path === '*') return 'all requests';
  if (/^\/v1\/public\/[^/]+\/oauth2\/token$/.test(path)) return 'the token endpoint';
  return /^\/v1\/(b2b\/)?sessions\/jwks\/[^/]+$/.test(path) ? 'the JWKS' : path;
}

function describeState(): string[] {
  const { clock_offset_seconds: offset = 0, token_lifetime_seconds: lifetime = usualLifetimeSeconds } =
    state.value ?? {};
  return [
    ...(offset === 0 ? [] : [`Clock ${formatSeconds(offset)} ${offset > 0 ? 'ahead' : 'behind'}`]),
    ...(lifetime === usualLifetimeSeconds ? [] : [`Tokens valid for ${formatSeconds(lifetime)}`]),
  ];
}

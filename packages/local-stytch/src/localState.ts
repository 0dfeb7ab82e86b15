import type { LocalState } from './consoleApi';
import type { State } from './state';

/** The state as the admin API shows it. */
export function describeState({ projectId, clients, keys, clock, settings }: State): LocalState {
  return {
    project_id: projectId,
    clients: clients.size,
    signing_keys: keys.published().map(({ kid = '' }) => kid),
    clock_offset_seconds: clock.offsetSeconds,
    token_lifetime_seconds: settings.tokenLifetimeSeconds,
    issuer: settings.issuer,
    search_totals: settings.searchTotals,
    claims_template: settings.claimsTemplate ?? null,
  };
}

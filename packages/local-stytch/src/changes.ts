import type { ListedToken } from './consoleApi';
import type { LoggedRequest } from './requestLog';

/** What has changed since the last `take`. */
export interface Changed {
  /** Everything was reset or emptied. */
  reset: boolean;
  requests: Set<LoggedRequest>;
  traceIds: Set<string>;
  tokens: ListedToken[];
  clients: boolean;
  state: boolean;
  faults: boolean;
}

/** Collects what changes in the stores, which announce it here. While nobody listens, it collects nothing. */
export class Changes {
  private changed: Changed | undefined;
  private onChange: (() => void) | undefined;

  /** @param onChange is called at each change. */
  listen(onChange: () => void): void {
    this.changed = nothing();
    this.onChange = onChange;
  }

  stopListening(): void {
    this.changed = undefined;
    this.onChange = undefined;
  }

  /** Returns what has changed since the last call, and forgets it. */
  take(): Changed {
    const taken = this.changed ?? nothing();
    if (this.changed) this.changed = nothing();
    return taken;
  }

  /** A request came, or its outcome is known. */
  request(request: LoggedRequest): void {
    this.announce((changed) => changed.requests.add(request));
  }

  trace(traceId: string): void {
    this.announce((changed) => changed.traceIds.add(traceId));
  }

  token(token: ListedToken): void {
    this.announce((changed) => changed.tokens.push(token));
  }

  /** Clients were added, changed or deleted. */
  clients(): void {
    this.announce((changed) => (changed.clients = changed.state = true));
  }

  /** The clock, the keys or the settings. */
  state(): void {
    this.announce((changed) => (changed.state = true));
  }

  faults(): void {
    this.announce((changed) => (changed.faults = true));
  }

  /** Everything has to be loaded again. What changed before does not matter any more. */
  reset(): void {
    this.announce(() => (this.changed = { ...nothing(), reset: true }));
  }

  private announce(collect: (changed: Changed) => unknown): void {
    if (!this.changed) return;
    if (!this.changed.reset) collect(this.changed);
    this.onChange?.();
  }
}

function nothing(): Changed {
  return {
    reset: false,
    requests: new Set(),
    traceIds: new Set(),
    tokens: [],
    clients: false,
    state: false,
    faults: false,
  };
}

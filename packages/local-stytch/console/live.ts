import { signal } from '@preact/signals';
import type {
  Change,
  ConsoleInfo,
  ListedClient,
  ListedFault,
  ListedToken,
  LocalState,
} from '../src/consoleApi';
import type { LoggedRequest } from '../src/requestLog';
import type { TraceSummary } from '../src/traces';
import { api, signedOut } from './api';

const maxRequests = 10_000;
const maxTraces = 500;
const maxTokens = 500;
// Milliseconds.
const reconnectMilliseconds = 1_000;

// What local-stytch knows, as the page last heard of it.
export const info = signal<ConsoleInfo | null>(null);
export const state = signal<LocalState | null>(null);
/** By id, oldest first. */
export const requests = signal<ReadonlyMap<number, LoggedRequest>>(new Map());
/** By trace id, in the order of their starts. */
export const traces = signal<ReadonlyMap<string, TraceSummary>>(new Map());
/** Newest first. */
export const tokens = signal<readonly ListedToken[]>([]);
export const clients = signal<readonly ListedClient[]>([]);
export const faults = signal<readonly ListedFault[]>([]);
/** Whether changes arrive. */
export const connected = signal(false);

let source: EventSource | undefined;
/** Changes that arrived while everything is loaded. They may be newer. */
let waiting: Change[] | undefined;

/** Starts to listen to changes. After each connect it loads everything. Connects again when the connection ends. */
export function connect(): void {
  source?.close();
  const events = new EventSource('/local/events');
  source = events;
  events.addEventListener('open', () => void loadAll(events));
  events.addEventListener('change', ({ data }: MessageEvent<string>) => {
    const change = JSON.parse(data) as Change;
    if (waiting) waiting.push(change);
    else apply(change, events);
  });
  events.addEventListener('error', () => {
    connectLater(events);
  });
}

function connectLater(events: EventSource): void {
  if (events !== source) return;
  events.close();
  source = undefined;
  waiting = undefined;
  connected.value = false;
  window.setTimeout(() => void reconnect(), reconnectMilliseconds);
}

/** First a request: unlike an EventSource, it tells why it fails. */
async function reconnect(): Promise<void> {
  try {
    await api.info();
    if (!source) connect();
  } catch {
    // The form for the admin token connects again.
    if (!signedOut.value) window.setTimeout(() => void reconnect(), reconnectMilliseconds);
  }
}

async function loadAll(events: EventSource): Promise<void> {
  waiting = [];
  try {
    const [newInfo, newState, newRequests, newTraces, newTokens, newClients, newFaults] = await Promise.all([
      api.info(),
      api.state(),
      api.requests(),
      api.traces(),
      api.tokens(),
      api.clients(),
      api.faults(),
    ]);
    if (events !== source) return;
    info.value = newInfo;
    state.value = newState;
    requests.value = byId([], newRequests.requests);
    traces.value = byTraceId([], newTraces.traces);
    tokens.value = newTokens.tokens;
    clients.value = newClients.m2m_clients;
    faults.value = newFaults.faults;
    connected.value = true;
    const changes = waiting;
    waiting = undefined;
    for (const change of changes) apply(change, events);
  } catch {
    connectLater(events);
  }
}

function apply(change: Change, events: EventSource): void {
  if (change.reset) {
    void loadAll(events);
    return;
  }
  if (change.requests) requests.value = byId(requests.value.values(), change.requests);
  if (change.traces) traces.value = byTraceId(traces.value.values(), change.traces);
  if (change.tokens) tokens.value = newTokensFirst(change.tokens);
  if (change.state) state.value = change.state;
  if (change.faults) faults.value = change.faults;
  if (change.clients) void loadClients();
}

async function loadClients(): Promise<void> {
  const loaded = await api.clients().catch(() => undefined);
  if (loaded) clients.value = loaded.m2m_clients;
}

function byId(known: Iterable<LoggedRequest>, changed: readonly LoggedRequest[]): Map<number, LoggedRequest> {
  const all = new Map<number, LoggedRequest>();
  for (const request of known) all.set(request.id, request);
  for (const request of changed) all.set(request.id, request);
  return newest(all, maxRequests);
}

function byTraceId(
  known: Iterable<TraceSummary>,
  changed: readonly TraceSummary[],
): Map<string, TraceSummary> {
  const all = new Map<string, TraceSummary>();
  for (const trace of [...known, ...changed]) all.set(trace.trace_id, trace);
  const sorted = [...all].sort(([, one], [, other]) => one.start_milliseconds - other.start_milliseconds);
  return newest(new Map(sorted), maxTraces);
}

/** Drops the first ones of too many. */
function newest<Key, Value>(all: Map<Key, Value>, count: number): Map<Key, Value> {
  for (const key of all.keys()) {
    if (all.size <= count) break;
    all.delete(key);
  }
  return all;
}

function newTokensFirst(changed: readonly ListedToken[]): ListedToken[] {
  const all = new Map([...tokens.value, ...changed].map((token) => [token.id, token]));
  return [...all.values()].sort((one, other) => other.id - one.id).slice(0, maxTokens);
}

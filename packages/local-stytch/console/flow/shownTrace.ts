import { batch, computed, effect, signal } from '@preact/signals';
import { api } from '../api';
import { traces } from '../live';
import type { Span, TraceSummary } from '../../src/traces';

/** Whether the diagram goes to each new trace. */
export const following = signal(true);
/** The trace that was selected last, or that the page makes. */
export const selectedId = signal<string | null>(null);
/** The selected trace stays while the page makes it. */
export const held = signal(false);

export const newestFirst = computed(() => [...traces.value.values()].toReversed());

/** The newest trace of a service. Requests of this Stytch alone come second. */
const newest = computed(
  () =>
    newestFirst.value.find(({ services }) => services.some((name) => name !== 'local-stytch')) ??
    newestFirst.value[0],
);

/** The trace that is drawn. */
export const shown = signal<{ trace: TraceSummary; spans: readonly Span[] } | null>(null);

/** Shows a trace until another one is selected. */
export function select(traceId: string): void {
  batch(() => {
    following.value = false;
    selectedId.value = traceId;
  });
}

effect(() => {
  const { value: trace } = newest;
  if (held.value) return;
  if (traces.value.size === 0) selectedId.value = null;
  else if (following.value && trace) selectedId.value = trace.trace_id;
});

effect(() => {
  const { value: id } = selectedId;
  const trace = id === null ? undefined : traces.value.get(id);
  const before = shown.peek()?.trace;
  if (trace && trace !== before) void load(trace);
  // Until the first spans of a new trace arrive, the last one stays.
  if (!trace && before && !traces.value.has(before.trace_id)) shown.value = null;
});

async function load(trace: TraceSummary): Promise<void> {
  const loaded = await api.trace(trace.trace_id).catch(() => undefined);
  // Another one was selected, or newer spans have been asked for.
  if (!loaded || selectedId.value !== trace.trace_id || traces.value.get(trace.trace_id) !== trace) return;
  shown.value = { trace, spans: loaded.spans };
}

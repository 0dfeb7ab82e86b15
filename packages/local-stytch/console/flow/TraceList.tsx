import { signal, useComputed } from '@preact/signals';
import { Empty } from '../components/Empty';
import { Field } from '../components/Field';
import { Status } from '../components/Status';
import { VirtualList } from '../components/VirtualList';
import { formatCount, formatDuration, formatTime } from '../format';
import type { TraceSummary } from '../../src/traces';
import { type Outcome, outcomeOfTrace } from './outcome';
import { newestFirst, select, selectedId } from './shownTrace';

const service = signal('');
const outcome = signal<Outcome | ''>('');
const outcomes: readonly (readonly [Outcome | '', string])[] = [
  ['', 'All outcomes'],
  ['succeeded', 'Succeeded'],
  ['refused', 'Refused (4xx)'],
  ['failed', 'Failed (5xx, no answer)'],
];

/** The last traces, newest first. */
export function TraceList() {
  const services = useComputed(() =>
    [...new Set(newestFirst.value.flatMap((trace) => trace.services))].sort(),
  );
  const shown = useComputed(() =>
    newestFirst.value.filter(
      (trace) =>
        (service.value === '' || trace.services.includes(service.value)) &&
        (outcome.value === '' || outcomeOfTrace(trace) === outcome.value),
    ),
  );
  return (
    <section class="card stack tight" aria-labelledby="traces-heading">
      <div class="row apart">
        <h2 id="traces-heading">Traces</h2>
        <span class="muted small-text">
          {formatCount(shown.value.length)} of {formatCount(newestFirst.value.length)}
        </span>
      </div>
      <div class="filters">
        <Field label="Service">
          {(field) => (
            <select
              {...field}
              value={service.value}
              onChange={({ currentTarget }) => {
                service.value = currentTarget.value;
              }}
            >
              <option value="">All services</option>
              {services.value.map((name) => (
                <option key={name} value={name}>
                  {name}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field label="Outcome">
          {(field) => (
            <select
              {...field}
              value={outcome.value}
              onChange={({ currentTarget }) => {
                outcome.value = outcomes.find(([value]) => value === currentTarget.value)?.[0] ?? '';
              }}
            >
              {outcomes.map(([value, label]) => (
                <option key={value} value={value}>
                  {label}
                </option>
              ))}
            </select>
          )}
        </Field>
      </div>
      {shown.value.length === 0 ? (
        <Empty title="No traces">
          {newestFirst.value.length === 0
            ? 'The calls that you make here are listed, and those of services that send their traces to local-stytch.'
            : 'No trace has this service and this outcome. Choose others above.'}
        </Empty>
      ) : (
        <VirtualList
          class="trace-list"
          label="Traces, newest first"
          items={shown.value}
          rowHeight={52}
          keyOf={keyOf}
          selected={selectedId.value}
          onSelect={(trace) => {
            select(trace.trace_id);
          }}
        >
          {(trace) => <TraceRow trace={trace} />}
        </VirtualList>
      )}
    </section>
  );
}

function keyOf(trace: TraceSummary): string {
  return trace.trace_id;
}

function TraceRow({ trace }: { trace: TraceSummary }) {
  const {
    name,
    services,
    http_status: status,
    error,
    start_milliseconds: start,
    duration_milliseconds,
  } = trace;
  return (
    <div class="trace-row">
      <span class="cut trace-name">{name}</span>
      <span class="number">
        <Status status={status} without={error ? 'error' : 'done'} />
      </span>
      <span class="cut muted small-text">{services.join(', ')}</span>
      <span class="number muted small-text">
        {formatTime(start)} · {formatDuration(duration_milliseconds)}
      </span>
    </div>
  );
}

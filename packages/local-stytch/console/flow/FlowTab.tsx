import { useComputed } from '@preact/signals';
import { Empty } from '../components/Empty';
import { Status } from '../components/Status';
import { formatDuration, formatPreciseTime } from '../format';
import { info } from '../live';
import './flow.css';
import { CallForm } from './CallForm';
import { createDiagram } from './diagram';
import { DiagramView } from './DiagramView';
import { explain } from './explain';
import { NoScenarios, OtherScenarios, PrimaryScenario } from './Scenarios';
import { serviceAt } from './serviceAt';
import { following, selectedId, shown } from './shownTrace';
import { TraceList } from './TraceList';
import { Waterfall } from './Waterfall';

/** What the services do, as pictures. */
export function FlowTab() {
  return (
    <div class="flow">
      <div class="flow-left">
        <div class="flow-primary stack">
          <NoScenarios />
          <PrimaryScenario />
        </div>
        <div class="flow-more stack">
          <OtherScenarios />
          <CallForm />
        </div>
      </div>
      <div class="flow-right">
        <div class="flow-picture stack">
          <Picture />
        </div>
        <div class="flow-traces stack">
          <TraceList />
        </div>
      </div>
    </div>
  );
}

function Picture() {
  const diagram = useComputed(() => createDiagram(shown.value?.spans ?? [], serviceAt(info.value)));
  if (shown.value === null) {
    return (
      <div class="card stack">
        <FollowBox />
        {selectedId.value === null ? (
          <Empty title="No trace yet">
            {info.value?.scenarios.length ? 'Press one of the buttons, or call' : 'Call'} a service that sends
            its traces to local-stytch. It is drawn here as it happens.
          </Empty>
        ) : (
          <Empty title="Waiting for the first spans">The services send them within a second.</Empty>
        )}
      </div>
    );
  }
  const { trace, spans } = shown.value;
  const sentences = explain(diagram.value);
  return (
    <>
      <section class="card stack" aria-labelledby="diagram-heading">
        <div class="row apart">
          <div class="row">
            <h2 id="diagram-heading" class="break" tabIndex={-1}>
              {trace.name}
            </h2>
            <Status status={trace.http_status} without={trace.error ? 'error' : 'done'} />
            <span class="muted small-text">
              {formatPreciseTime(trace.start_milliseconds)} · {formatDuration(trace.duration_milliseconds)}
            </span>
          </div>
          <FollowBox />
        </div>
        <DiagramView diagram={diagram.value} name={trace.name} />
        {sentences.length > 0 && (
          <div class="explanation">
            <h3>What happened</h3>
            <ul>
              {sentences.slice(0, 40).map((sentence, index) => (
                <li key={index}>{sentence}</li>
              ))}
            </ul>
          </div>
        )}
      </section>
      <section class="card stack tight" aria-labelledby="waterfall-heading">
        <h2 id="waterfall-heading">Waterfall</h2>
        <Waterfall spans={spans} />
      </section>
    </>
  );
}

function FollowBox() {
  return (
    <label class="row small-text follow">
      <input
        type="checkbox"
        checked={following.value}
        onChange={({ currentTarget }) => {
          following.value = currentTarget.checked;
        }}
      />
      Follow new traces
    </label>
  );
}

import { useEffect, useState } from 'preact/hooks';
import { hasAdminToken } from '../api';
import { Copy } from '../components/Copy';
import { JsonView } from '../components/JsonView';
import { Status } from '../components/Status';
import { curlOfCall, curlOfLocalCall } from '../curl';
import { formatDuration } from '../format';
import { info } from '../live';
import type { Scenario, ScenarioStep } from '../../src/consoleApi';
import { lastRun, type Run, type StepOutcome } from './runs';

interface Props {
  scenario: Pick<Scenario, 'id' | 'title' | 'steps'>;
  /** The last run, if there was one. */
  run: Run | undefined;
}

/** The steps of a scenario: what each does, how it ended, and the command that does the same. */
export function StepList({ scenario: { id, title, steps }, run }: Props) {
  const isLast = lastRun.value === id;
  const [open, setOpen] = useState(isLast);
  useEffect(() => {
    setOpen(isLast);
  }, [isLast]);
  return (
    <>
      <details
        class="steps"
        open={open}
        onToggle={({ currentTarget }) => {
          setOpen(currentTarget.open);
        }}
      >
        <summary>
          {steps.length === 1 ? '1 step' : `${steps.length} steps`}
          <span class="hidden"> of {title}</span>
          {run && <Summary run={run} />}
        </summary>
        <ol class="stack tight">
          {steps.map((step, index) => (
            <Step key={index} step={step} outcome={run?.outcomes[index]} />
          ))}
        </ol>
        {run && (
          <button type="button" class="button small show-diagram" onClick={showDiagram}>
            Show the diagram
          </button>
        )}
      </details>
      <p role="status" class="hidden">
        {run && !run.running && `${title}: ${run.outcomes.map(wordsOf).join(', ')}`}
      </p>
    </>
  );
}

function showDiagram(): void {
  const heading = document.getElementById('diagram-heading');
  heading?.scrollIntoView();
  heading?.focus({ preventScroll: true });
}

function Summary({ run }: { run: Run }) {
  return (
    <span class="steps-summary">
      {run.running && <span class="tag">running</span>}
      {run.outcomes.map((outcome, index) => (
        <OutcomeBadge key={index} outcome={outcome} />
      ))}
    </span>
  );
}

function Step({ step, outcome }: { step: ScenarioStep; outcome: StepOutcome | undefined }) {
  const result = outcome?.kind === 'answer' ? outcome.result : undefined;
  return (
    <li class="step stack tight">
      <p>{step.title}</p>
      <div class="row">
        <code class="break">{lineOf(step)}</code>
        {outcome && <OutcomeBadge outcome={outcome} />}
        {result && <span class="muted small-text">{formatDuration(result.duration_milliseconds)}</span>}
      </div>
      {outcome?.kind === 'failed' && (
        <p role="alert" class="failure">
          {outcome.message}
        </p>
      )}
      {result?.error && <p class="failure">{result.error}</p>}
      {result && result.body !== '' && <JsonView label="Answer" value={result.body} />}
      <div>
        <Copy label="Copy as curl" text={() => curlOf(step)} />
      </div>
    </li>
  );
}

function OutcomeBadge({ outcome }: { outcome: StepOutcome }) {
  if (outcome.kind === 'answer') return <Status status={outcome.result.status} without="no answer" />;
  return outcome.kind === 'done' ? (
    <span class="tag good">✓ done</span>
  ) : (
    <span class="tag bad">✕ failed</span>
  );
}

function wordsOf(outcome: StepOutcome): string {
  if (outcome.kind !== 'answer') return outcome.kind;
  const { status, duration_milliseconds: duration } = outcome.result;
  return `${status ?? 'no answer'} after ${formatDuration(duration)}`;
}

function lineOf(step: ScenarioStep): string {
  const { method, path } = 'call' in step ? step.call : step.local;
  return `${method} ${'call' in step ? `${step.call.service} ` : ''}${path}`;
}

function curlOf(step: ScenarioStep): string {
  const { value } = info;
  if (!value) return '';
  return 'call' in step
    ? curlOfCall(step.call, value, hasAdminToken.value)
    : curlOfLocalCall(step.local, value, hasAdminToken.value);
}

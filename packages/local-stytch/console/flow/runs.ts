import { batch, signal } from '@preact/signals';
import { api, messageOf, type Method, send } from '../api';
import type { CallResult, LocalCall, Scenario, ScenarioStep, ServiceCall } from '../../src/consoleApi';
import { following, held, selectedId } from './shownTrace';

/** How a step ended. */
export type StepOutcome =
  { kind: 'answer'; result: CallResult } | { kind: 'done' } | { kind: 'failed'; message: string };

export interface Run {
  running: boolean;
  /** Of the steps so far. */
  outcomes: StepOutcome[];
}

/** The scenario that ran last. */
export const lastRun = signal<string | null>(null);
/** The last run of each scenario, by its id. */
export const runs = signal<ReadonlyMap<string, Run>>(new Map());

/** Runs the steps in their order, in one trace. It stops at a step that cannot be made. */
export async function runScenario({ id, steps }: Pick<Scenario, 'id' | 'steps'>): Promise<void> {
  if (runs.value.get(id)?.running) return;
  const traceId = randomTraceId();
  const report = (run: Run) => {
    runs.value = new Map(runs.value).set(id, run);
  };
  const outcomes: StepOutcome[] = [];
  batch(() => {
    report({ running: true, outcomes: [] });
    lastRun.value = id;
    if (steps.some((step) => 'call' in step)) {
      held.value = true;
      following.value = true;
      selectedId.value = traceId;
    }
  });
  for (const step of steps) {
    const outcome = await runStep(step, traceId);
    outcomes.push(outcome);
    report({ running: true, outcomes: [...outcomes] });
    if (outcome.kind === 'failed') break;
  }
  batch(() => {
    report({ running: false, outcomes });
    held.value = false;
  });
}

async function runStep(step: ScenarioStep, traceId: string): Promise<StepOutcome> {
  try {
    if ('local' in step) return await runLocalCall(step.local);
    return { kind: 'answer', result: await callService(step.call, traceId) };
  } catch (error) {
    return { kind: 'failed', message: messageOf(error) };
  }
}

function callService(call: ServiceCall, traceId: string): Promise<CallResult> {
  return api.call({ ...call, trace_id: traceId });
}

async function runLocalCall({ method, path, body }: LocalCall): Promise<StepOutcome> {
  if (!path.startsWith('/local/')) throw new Error(`Not a path of the admin API: ${path}`);
  await send(method satisfies Method, path, body);
  return { kind: 'done' };
}

/** W3C Trace Context §3.2.2.3: 32 hexadecimal digits. */
export function randomTraceId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

import { Empty } from '../components/Empty';
import { info } from '../live';
import type { Scenario } from '../../src/consoleApi';
import { runs, runScenario } from './runs';
import { StepList } from './StepList';

/** The scenario with the primary button. */
const primary = 'payment';

/** The one button that matters most, with its steps. Nothing without such a scenario. */
export function PrimaryScenario() {
  const scenario = knownScenarios().find(({ id }) => id === primary);
  if (!scenario) return null;
  return (
    <section class="card stack tight primary-scenario" aria-label={scenario.title}>
      <ScenarioContent scenario={scenario} button="button primary large" />
    </section>
  );
}

/** The other scenarios. */
export function OtherScenarios() {
  const scenarios = knownScenarios().filter(({ id }) => id !== primary);
  if (scenarios.length === 0) return null;
  return (
    <section class="card stack tight" aria-labelledby="scenarios-heading">
      <h2 id="scenarios-heading">Try something else</h2>
      <ul class="scenarios">
        {scenarios.map((scenario) => (
          <ScenarioItem key={scenario.id} scenario={scenario} />
        ))}
      </ul>
    </section>
  );
}

function ScenarioItem({ scenario }: { scenario: Scenario }) {
  return (
    <li class="stack tight">
      <ScenarioContent scenario={scenario} button="button" />
    </li>
  );
}

/** @param button the classes of the button. */
function ScenarioContent({ scenario, button }: { scenario: Scenario; button: string }) {
  const run = runs.value.get(scenario.id);
  return (
    <>
      <button
        type="button"
        class={button}
        aria-disabled={run?.running}
        onClick={() => void runScenario(scenario)}
      >
        {scenario.title}
      </button>
      <p class="hint">{scenario.sentence}</p>
      <StepList scenario={scenario} run={run} />
    </>
  );
}

/** Says how to have something to press. */
export function NoScenarios() {
  if (info.value === null || info.value.scenarios.length > 0 || info.value.services.length > 0) return null;
  return (
    <Empty title="local-stytch knows no service">
      Start it with <code>--service orders=http://localhost:3000</code> to call your service from here. Each
      service that sends its traces to local-stytch (<code>OTEL_EXPORTER_OTLP_ENDPOINT</code>) appears in the
      diagram.
    </Empty>
  );
}

function knownScenarios(): readonly Scenario[] {
  return info.value?.scenarios ?? [];
}

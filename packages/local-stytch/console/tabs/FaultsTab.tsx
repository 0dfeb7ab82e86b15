import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';
import { api } from '../api';
import { ConfirmButton } from '../components/ConfirmButton';
import { ActiveFaults } from './faults/ActiveFaults';
import { FaultForm } from './faults/FaultForm';
import './faults/faults.css';
import './pair.css';
import { KeyControl } from './faults/KeyControl';
import { ClockControl, LifetimeControl } from './faults/Times';

/** What can go wrong, on purpose: faults, the clock, the lifetime of tokens, the signing keys. */
export function FaultsTab() {
  return (
    <div class="fault-cards">
      <Card title="Switch a fault on">
        <FaultForm />
      </Card>
      <Card title="Faults in effect">
        <ActiveFaults />
      </Card>
      <Card title="Signing keys">
        <KeyControl />
      </Card>
      <Card title="Clock">
        <ClockControl />
      </Card>
      <Card title="Token lifetime">
        <LifetimeControl />
      </Card>
      <Card title="Start again">
        <p>
          Clients, secrets, keys, clock and settings go back to those of the start. Faults, requests, tokens
          and traces are removed. A secret that a rotation has made stops working.
        </p>
        <div>
          <ConfirmButton
            label="Reset everything"
            class="button danger"
            question="Reset everything?"
            consequence="All that was changed since the start is lost, on every page that is open."
            action="Reset"
            run={api.reset}
          />
        </div>
      </Card>
    </div>
  );
}

function Card({ title, children }: { title: string; children: ComponentChildren }) {
  const id = useId();
  return (
    <section class="card stack" aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {children}
    </section>
  );
}

import { useState } from 'preact/hooks';
import type { ListedClient } from '../../../src/consoleApi';
import { api } from '../../api';
import { ErrorText } from '../ErrorText';
import { useAction } from '../useAction';
import { changeClient, newSecret } from './changeClient';
import { SecretOnce } from './SecretOnce';

const titles = ['One secret', 'Two secrets', 'The new one only'];

/** The rotation of a client's secret, step by step. A sentence says what works at each step. */
export function Rotation({ client }: { client: ListedClient }) {
  const { client_id: id, client_secret_last_four: current, next_client_secret_last_four: next } = client;
  const [hasCompleted, setCompleted] = useState(false);
  const action = useAction();
  const step = next !== null ? 1 : hasCompleted ? 2 : 0;

  const start = () =>
    action.run(async () => {
      setCompleted(false);
      const { m2m_client: started } = await changeClient(api.startRotation(id));
      newSecret.value = { clientId: id, secret: started.next_client_secret ?? '' };
    });
  const end = (change: () => Promise<unknown>, completes: boolean) =>
    action.run(async () => {
      await changeClient(change());
      newSecret.value = null;
      setCompleted(completes);
    });

  return (
    <section class="stack tight" aria-label="Rotation of the secret">
      <h3>Rotation of the secret</h3>
      <ol class="stepper">
        {titles.map((title, index) => (
          <li
            key={title}
            aria-current={index === step ? 'step' : undefined}
            class={index < step ? 'done' : ''}
          >
            {title}
          </li>
        ))}
      </ol>
      {step === 0 && (
        <>
          <p>
            One secret works: <LastFour of={current} />. Start makes a second one. Both work from then on, so
            that the service keeps running while you give it the new one.
          </p>
          <Buttons buttons={[['Start', 'primary', start]]} />
        </>
      )}
      {step === 1 && (
        <>
          <p>
            Two secrets work: <LastFour of={current} /> and, new, <LastFour of={next ?? ''} />.
          </p>
          <SecretOnce clientId={id} title="The new secret" />
          <p>
            Give the new secret to the service. When all of its instances use it, complete: the old one stops
            working. Cancel, and the new one stops working.
          </p>
          <Buttons
            buttons={[
              ['Complete', 'primary', () => end(() => api.completeRotation(id), true)],
              ['Cancel', '', () => end(() => api.cancelRotation(id), false)],
            ]}
          />
        </>
      )}
      {step === 2 && (
        <>
          <p>
            Only the new secret works: <LastFour of={current} />. A token request with the old one is refused.
            Tokens that were issued with the old one stay valid until they expire.
          </p>
          <Buttons buttons={[['Rotate again', '', start]]} />
        </>
      )}
      <ErrorText error={action.error} />
    </section>
  );
}

function LastFour({ of }: { of: string }) {
  return <code>…{of}</code>;
}

interface ButtonsProps {
  buttons: readonly (readonly [name: string, style: string, act: () => Promise<unknown>])[];
}

function Buttons({ buttons }: ButtonsProps) {
  return (
    <div class="row">
      {buttons.map(([name, style, act]) => (
        <button key={name} type="button" class={`button ${style}`} onClick={() => void act()}>
          {name}
        </button>
      ))}
    </div>
  );
}

import { signal } from '@preact/signals';
import { Field } from '../components/Field';
import { clients, info } from '../live';
import type { ServiceCall } from '../../src/consoleApi';
import {
  type CallDraft,
  type CallErrors,
  complete,
  emptyDraft,
  methods,
  readCall,
  servicesOf,
} from './callDraft';
import { runs, runScenario } from './runs';
import { StepList } from './StepList';

const runId = 'call form';
const draft = signal(emptyDraft);
const errors = signal<CallErrors>({});
/** The last call that was made. */
const sent = signal<ServiceCall | null>(null);

function submit(event: Event): void {
  event.preventDefault();
  const read = readCall(complete(draft.value, { info: info.value, clients: clients.value }));
  errors.value = 'errors' in read ? read.errors : {};
  if ('errors' in read) return;
  sent.value = read.call;
  void runScenario({ id: runId, steps: [{ title: 'Your call', call: read.call }] });
}

/** Makes one call of a service. */
export function CallForm() {
  const known = { info: info.value, clients: clients.value };
  const { method, token } = draft.value;
  return (
    <details class="card" open={known.info?.scenarios.length === 0}>
      <summary>Call a service</summary>
      <form class="stack tight call-form" onSubmit={submit}>
        <Choice label="Service" name="service" options={servicesOf(known).map((name) => [name, name])} />
        <div class="method-path">
          <Choice label="Method" name="method" options={methods.map((name) => [name, name])} />
          <Line label="Path" name="path" />
        </div>
        {method !== 'GET' && (
          <Field label="Body (JSON)" error={errors.value.body ?? ''}>
            {(field) => (
              <textarea {...field} value={draft.value.body} spellcheck={false} onInput={change('body')} />
            )}
          </Field>
        )}
        <Choice
          label="Access token"
          name="token"
          options={[
            ['none', 'None'],
            ['client', 'Of a client'],
            ['text', 'A text'],
          ]}
        />
        {token === 'client' && (
          <Choice
            label="Client"
            name="client"
            options={known.clients.map(({ client_id: id, client_name: name }) => [id, name || id])}
          />
        )}
        {token === 'client' && <Line label="Scopes (empty: all of the client)" name="scope" />}
        {token === 'text' && <Line label="Token" name="text" />}
        <div>
          <button type="submit" class="button">
            Call
          </button>
        </div>
      </form>
      {sent.value && (
        <StepList
          scenario={{ id: runId, title: 'Call', steps: [{ title: 'Your call', call: sent.value }] }}
          run={runs.value.get(runId)}
        />
      )}
    </details>
  );
}

function change(name: keyof CallDraft) {
  return ({ currentTarget: { value } }: { currentTarget: { value: string } }) => {
    draft.value = { ...draft.value, [name]: value };
  };
}

function valueOf(name: keyof CallDraft): string {
  return complete(draft.value, { info: info.value, clients: clients.value })[name];
}

interface InputProps {
  label: string;
  name: keyof CallDraft;
}

function Line({ label, name }: InputProps) {
  return (
    <Field label={label} error={errors.value[name] ?? ''}>
      {(field) => (
        <input
          {...field}
          value={draft.value[name]}
          placeholder={name === 'path' ? valueOf(name) : ''}
          spellcheck={false}
          autocomplete="off"
          onInput={change(name)}
        />
      )}
    </Field>
  );
}

function Choice({ label, name, options }: InputProps & { options: readonly (readonly [string, string])[] }) {
  return (
    <Field label={label} error={errors.value[name] ?? ''}>
      {(field) => (
        <select {...field} value={valueOf(name)} onChange={change(name)}>
          {options.map(([value, shown]) => (
            <option key={value} value={value}>
              {shown}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

import { useState } from 'preact/hooks';
import { api } from '../../api';
import { Field } from '../../components/Field';
import { ErrorText } from '../ErrorText';
import { useAction } from '../useAction';
import { FaultNumbers } from './FaultNumbers';
import {
  describeEffect,
  type FaultDraft,
  type FaultErrors,
  type FaultKind,
  faultKinds,
  pathPresets,
  readFault,
} from './faultDraft';

const initial: FaultDraft = {
  kind: 'status',
  path: '/v1/public/*',
  method: '',
  count: '',
  milliseconds: '2000',
  status: '503',
  retryAfterSeconds: '',
};

/** Switches a fault on. */
export function FaultForm() {
  const [draft, setDraft] = useState(initial);
  const [errors, setErrors] = useState<FaultErrors>({});
  const action = useAction();
  const change = (changed: Partial<FaultDraft>) => {
    setDraft({ ...draft, ...changed });
    setErrors({});
  };
  const submit = async (event: Event) => {
    event.preventDefault();
    const read = readFault(draft);
    setErrors('errors' in read ? read.errors : {});
    if ('fault' in read) await action.run(() => api.addFault(read.fault));
  };
  return (
    <form class="stack" onSubmit={(event) => void submit(event)}>
      <Field label="What goes wrong">
        {(field) => (
          <select
            {...field}
            value={draft.kind}
            onChange={({ currentTarget }) => {
              change({ kind: currentTarget.value as FaultKind });
            }}
          >
            {Object.entries(faultKinds).map(([kind, { title }]) => (
              <option key={kind} value={kind}>
                {title}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Where draft={draft} error={errors.path ?? ''} onChange={change} />
      <FaultNumbers draft={draft} errors={errors} onChange={change} />
      <p role="status">{describeEffect(draft)}</p>
      <ErrorText error={action.error} />
      <div>
        <button type="submit" class="button primary">
          Switch on
        </button>
      </div>
    </form>
  );
}

interface WhereProps {
  draft: FaultDraft;
  error: string;
  onChange: (changed: Partial<FaultDraft>) => void;
}

function Where({ draft, error, onChange }: WhereProps) {
  return (
    <>
      <div class="row" role="group" aria-label="Paths">
        {pathPresets.map(({ title, path }) => (
          <button
            key={path}
            type="button"
            class="button small"
            aria-pressed={draft.path === path}
            onClick={() => {
              onChange({ path });
            }}
          >
            {title}
          </button>
        ))}
      </div>
      <div class="field-pair">
        <Field label="Path" hint="With * at its end: all paths with this beginning." error={error}>
          {(field) => (
            <input
              {...field}
              class="mono"
              value={draft.path}
              spellcheck={false}
              autocomplete="off"
              onInput={({ currentTarget }) => {
                onChange({ path: currentTarget.value });
              }}
            />
          )}
        </Field>
        <Field label="Method">
          {(field) => (
            <select
              {...field}
              value={draft.method}
              onChange={({ currentTarget }) => {
                onChange({ method: currentTarget.value });
              }}
            >
              <option value="">Any</option>
              {['GET', 'POST', 'PUT', 'DELETE'].map((method) => (
                <option key={method}>{method}</option>
              ))}
            </select>
          )}
        </Field>
      </div>
    </>
  );
}

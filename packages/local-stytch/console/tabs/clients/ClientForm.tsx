import { useState } from 'preact/hooks';
import { ApiError, type ClientFields, messageOf } from '../../api';
import { Field } from '../../components/Field';
import { ErrorText } from '../ErrorText';
import { type JsonObject, readJsonObject } from '../jsonObject';
import { useAction } from '../useAction';
import { type ClientField, fieldOfError, readScopes } from './clientFields';

interface ClientFormProps {
  name: string;
  scopes: readonly string[];
  metadata: JsonObject;
  /** The button's name. */
  submit: string;
  onSubmit: (
    fields: Required<Pick<ClientFields, 'client_name' | 'scopes' | 'trusted_metadata'>>,
  ) => Promise<unknown>;
}

interface Draft {
  name: string;
  scopes: string;
  metadata: string;
}

function write(metadata: JsonObject): string {
  return Object.keys(metadata).length === 0 ? '' : JSON.stringify(metadata, null, 2);
}

/** The form of a client, new or not. An error is shown at its field. */
export function ClientForm({ name, scopes, metadata, submit, onSubmit }: ClientFormProps) {
  // What was typed. Fields that were not touched follow the client.
  const [typed, setTyped] = useState<Partial<Draft>>({});
  const draft: Draft = { name, scopes: scopes.join(' '), metadata: write(metadata), ...typed };
  const [metadataError, setMetadataError] = useState('');
  const [isSaved, setSaved] = useState(false);
  const action = useAction();
  const field = action.error instanceof ApiError ? fieldOfError(action.error.errorType) : undefined;
  const errorOf = (wanted: ClientField) => (field === wanted ? messageOf(action.error) : '');
  const change = (changed: Partial<Draft>) => {
    setTyped({ ...typed, ...changed });
    setMetadataError('');
    setSaved(false);
    action.clear();
  };
  const save = async (event: Event) => {
    event.preventDefault();
    const read = readJsonObject(draft.metadata);
    if ('error' in read) {
      setMetadataError(read.error);
      return;
    }
    const fields = {
      client_name: draft.name,
      scopes: readScopes(draft.scopes),
      trusted_metadata: read.value,
    };
    const isDone = await action.run(() => onSubmit(fields));
    setSaved(isDone);
    if (isDone) setTyped({});
  };
  return (
    <form class="stack" onSubmit={(event) => void save(event)}>
      <Field label="Name" error={errorOf('client_name')}>
        {(attributes) => (
          <input
            {...attributes}
            value={draft.name}
            autocomplete="off"
            onInput={({ currentTarget }) => {
              change({ name: currentTarget.value });
            }}
          />
        )}
      </Field>
      <Field
        label="Scopes"
        hint="Separated by spaces, such as read:users write:users. Its tokens have these and no others."
        error={errorOf('scopes')}
      >
        {(attributes) => (
          <input
            {...attributes}
            class="mono"
            value={draft.scopes}
            autocomplete="off"
            spellcheck={false}
            onInput={({ currentTarget }) => {
              change({ scopes: currentTarget.value });
            }}
          />
        )}
      </Field>
      <Field
        label="Trusted metadata"
        hint="A JSON object, or nothing. A claims template can copy it into tokens."
        error={metadataError || errorOf('trusted_metadata')}
      >
        {(attributes) => (
          <textarea
            {...attributes}
            value={draft.metadata}
            placeholder={'{ "tenant": "acme" }'}
            spellcheck={false}
            onInput={({ currentTarget }) => {
              change({ metadata: currentTarget.value });
            }}
          />
        )}
      </Field>
      <ErrorText error={field === undefined || field === 'client_id' ? action.error : null} />
      <div class="row">
        <button type="submit" class="button primary">
          {submit}
        </button>
        <span role="status" class="copied">
          {isSaved && 'Saved'}
        </span>
      </div>
    </form>
  );
}

import { useState } from 'preact/hooks';
import { api } from '../../api';
import { Field } from '../../components/Field';
import { readScopes } from '../clients/clientFields';
import { Panel } from '../Panel';
import { Explanation } from './Explanation';

/** Explains any token. */
export function PastePanel({ onClose }: { onClose: () => void }) {
  const [token, setToken] = useState('');
  const [scopes, setScopes] = useState('');
  const [error, setError] = useState('');
  const [explained, setExplained] = useState<{ count: number; token: string; scopes: string[] }>();
  const explain = (event: Event) => {
    event.preventDefault();
    const text = token.trim().replace(/^Bearer\s+/i, '');
    setError(text === '' ? 'Paste a token first.' : '');
    if (text === '') setExplained(undefined);
    else setExplained({ count: (explained?.count ?? 0) + 1, token: text, scopes: readScopes(scopes) });
  };
  return (
    <Panel title="Explain a token" takesFocus onClose={onClose}>
      <form class="stack" onSubmit={explain}>
        <Field label="Token" hint="It is sent to this local-stytch only, and is not kept." error={error}>
          {(field) => (
            <textarea
              {...field}
              value={token}
              placeholder="eyJ…"
              spellcheck={false}
              autocomplete="off"
              onInput={({ currentTarget }) => {
                setToken(currentTarget.value);
              }}
            />
          )}
        </Field>
        <Field label="Required scopes" hint="Those that the resource server requires. Optional.">
          {(field) => (
            <input
              {...field}
              class="mono"
              value={scopes}
              placeholder="read:users"
              spellcheck={false}
              autocomplete="off"
              onInput={({ currentTarget }) => {
                setScopes(currentTarget.value);
              }}
            />
          )}
        </Field>
        <div>
          <button type="submit" class="button primary">
            Explain
          </button>
        </div>
      </form>
      {explained && (
        <Explanation
          subject={`pasted ${explained.count}`}
          load={() =>
            api.explainToken(explained.token, explained.scopes.length > 0 ? explained.scopes : undefined)
          }
        />
      )}
    </Panel>
  );
}

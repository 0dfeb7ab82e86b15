import { useState } from 'preact/hooks';
import { api } from '../../api';
import { state } from '../../live';
import { ErrorText } from '../ErrorText';
import { useAction } from '../useAction';

/** The signing keys: which one signs, rotate, retire. */
export function KeyControl() {
  const keys = state.value?.signing_keys ?? [];
  const [keepsPrevious, setKeepsPrevious] = useState(true);
  const action = useAction();
  return (
    <div class="stack">
      <ul class="key-list" aria-label="Keys in the JWKS">
        {keys.map((kid, index) => (
          <li key={kid}>
            <code>{kid}</code>{' '}
            {index === 0 ? <span class="tag good">signs</span> : <span class="tag">previous</span>}
          </li>
        ))}
      </ul>
      <p class="hint">
        {keepsPrevious
          ? 'A new key signs, and the JWKS has the previous ones too: tokens in use stay valid. A service fetches the JWKS when it meets the new key.'
          : 'A new key signs, and the previous ones leave the JWKS at once: services refuse their tokens as soon as they have fetched it.'}
      </p>
      <label class="check-label">
        <input
          type="checkbox"
          checked={keepsPrevious}
          onChange={({ currentTarget }) => {
            setKeepsPrevious(currentTarget.checked);
          }}
        />
        Keep the previous keys in the JWKS
      </label>
      <div class="row">
        <button
          type="button"
          class="button"
          onClick={() => void action.run(() => api.rotateKeys(keepsPrevious))}
        >
          Rotate
        </button>
        <button type="button" class="button" onClick={() => void action.run(api.retireKeys)}>
          Retire previous
        </button>
      </div>
      <p class="hint">
        {keys.length < 2
          ? 'There is no previous key to retire.'
          : 'Retire previous: only the key that signs stays in the JWKS. Tokens of the others are refused then.'}
      </p>
      <ErrorText error={action.error} />
    </div>
  );
}

import { useState } from 'preact/hooks';
import { api } from '../../api';
import { Copy } from '../../components/Copy';
import { Field } from '../../components/Field';
import { state } from '../../live';
import { ErrorText } from '../ErrorText';
import { readJsonObject } from '../jsonObject';
import { Panel } from '../Panel';
import { useAction } from '../useAction';
import { Explanation } from './Explanation';
import { type MintPreset, mintPresets } from './mintPresets';

/** Makes any token, valid or not. It is the only one that can be copied whole. */
export function MintPanel({ onClose }: { onClose: () => void }) {
  const [draft, setDraft] = useState({
    claims: '',
    header: '',
    signWith: 'current' as MintPreset['signWith'],
  });
  const [sentence, setSentence] = useState('');
  const [errors, setErrors] = useState({ claims: '', header: '' });
  const [minted, setMinted] = useState<{ count: number; token: string }>();
  const action = useAction();
  const change = (changed: Partial<typeof draft>) => {
    setDraft({ ...draft, ...changed });
    setSentence('');
  };
  const choose = (preset: MintPreset) => {
    setDraft({ claims: text(preset.claims), header: text(preset.header), signWith: preset.signWith });
    setErrors({ claims: '', header: '' });
    setSentence(preset.sentence);
  };
  const mint = async (event: Event) => {
    event.preventDefault();
    const claims = readJsonObject(draft.claims);
    const header = readJsonObject(draft.header);
    setErrors({
      claims: 'error' in claims ? claims.error : '',
      header: 'error' in header ? header.error : '',
    });
    if ('error' in claims || 'error' in header) return;
    const wanted = { claims: claims.value, header: header.value, sign_with: draft.signWith };
    await action.run(async () => {
      const { access_token: token } = await api.mintToken(wanted);
      setMinted({ count: (minted?.count ?? 0) + 1, token });
    });
  };
  return (
    <Panel title="Mint a token" takesFocus onClose={onClose}>
      <p>
        By default it is one of the first client, with all its scopes. Claims and header replace those of an
        ordinary token; null removes one.
      </p>
      <Presets onChoose={choose} />
      <p role="status" class="hint">
        {sentence}
      </p>
      <form class="stack" onSubmit={(event) => void mint(event)}>
        <div class="token-fields">
          <Field label="Claims" error={errors.claims}>
            {(field) => (
              <textarea
                {...field}
                value={draft.claims}
                placeholder={'{ "sub": "another-client" }'}
                spellcheck={false}
                onInput={({ currentTarget }) => {
                  change({ claims: currentTarget.value });
                }}
              />
            )}
          </Field>
          <Field label="Header" error={errors.header}>
            {(field) => (
              <textarea
                {...field}
                value={draft.header}
                placeholder={'{ "alg": "RS256" }'}
                spellcheck={false}
                onInput={({ currentTarget }) => {
                  change({ header: currentTarget.value });
                }}
              />
            )}
          </Field>
        </div>
        <div class="inline-form">
          <Field label="Key">
            {(field) => (
              <select
                {...field}
                value={draft.signWith}
                onChange={({ currentTarget }) => {
                  change({ signWith: currentTarget.value === 'unknown' ? 'unknown' : 'current' });
                }}
              >
                <option value="current">The current signing key</option>
                <option value="unknown">An unknown key, which is in no JWKS</option>
              </select>
            )}
          </Field>
          <button type="submit" class="button primary">
            Mint
          </button>
        </div>
        <ErrorText error={action.error} />
      </form>
      {minted && <Minted {...minted} />}
    </Panel>
  );
}

function Presets({ onChoose }: { onChoose: (preset: MintPreset) => void }) {
  const now = Math.floor(Date.now() / 1_000) + (state.value?.clock_offset_seconds ?? 0);
  return (
    <div class="row" role="group" aria-label="Presets">
      {mintPresets(now).map((preset) => (
        <button
          key={preset.title}
          type="button"
          class="button small"
          onClick={() => {
            onChoose(preset);
          }}
        >
          {preset.title}
        </button>
      ))}
    </div>
  );
}

function Minted({ count, token }: { count: number; token: string }) {
  return (
    <section class="stack" aria-label="The minted token">
      <div class="row">
        <h3>The minted token</h3>
        <Copy label="Copy the token" text={token} />
      </div>
      <Explanation subject={`minted ${count}`} load={() => api.explainToken(token)} />
    </section>
  );
}

function text(object: object): string {
  return Object.keys(object).length === 0 ? '' : JSON.stringify(object, null, 2);
}

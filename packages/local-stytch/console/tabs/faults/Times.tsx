import { useState } from 'preact/hooks';
import { api } from '../../api';
import { formatDate, formatSeconds } from '../../format';
import { state } from '../../live';
import { ErrorText } from '../ErrorText';
import { useNow } from '../tokens/useNow';
import { useAction } from '../useAction';
import { NumberField } from './FaultNumbers';

const offsets = [
  ['−2 h', -7_200],
  ['−1 h', -3_600],
  ['0', 0],
  ['+1 h', 3_600],
] as const;

/** Moves the clock that dates tokens. */
export function ClockControl() {
  const offset = state.value?.clock_offset_seconds ?? 0;
  const action = useAction();
  useNow();
  const set = (seconds: number) => action.run(() => api.setClock(seconds));
  return (
    <div class="stack">
      <p>
        {offset === 0
          ? 'It is the real time: '
          : `It is ${formatSeconds(offset)} ${offset > 0 ? 'ahead' : 'behind'}: `}
        <time class="nowrap">{formatDate(Date.now() + offset * 1_000)}</time>
      </p>
      <p class="hint">{describeOffset(offset, state.value?.token_lifetime_seconds ?? 3_600)}</p>
      <div class="row" role="group" aria-label="Clock offset">
        {offsets.map(([name, seconds]) => (
          <button
            key={name}
            type="button"
            class="button small"
            aria-pressed={offset === seconds}
            onClick={() => void set(seconds)}
          >
            {name}
          </button>
        ))}
      </div>
      <SecondsForm
        label="Offset in seconds"
        button="Set the clock"
        accepts={(seconds) => Math.abs(seconds) <= 1e9}
        rule="This must be a number of seconds; negative: behind."
        set={set}
      />
      <ErrorText error={action.error} />
    </div>
  );
}

function describeOffset(offset: number, lifetime: number): string {
  if (offset > 0) return 'New tokens are dated in the future. Services refuse them: they are not valid yet.';
  if (offset < -lifetime) return 'New tokens have already expired. Services refuse them.';
  if (offset === -lifetime) return 'New tokens expire at once. Services accept them a few seconds longer.';
  if (offset < 0) return 'New tokens are dated in the past, and expire sooner.';
  return 'It dates the tokens. Ahead: new tokens are not valid yet. Far behind: they have already expired. Services refuse both with 401.';
}

/** How long new tokens live. */
export function LifetimeControl() {
  const lifetime = state.value?.token_lifetime_seconds ?? 3_600;
  const action = useAction();
  return (
    <div class="stack">
      <p>New tokens live for {formatSeconds(lifetime)}.</p>
      <p class="hint">
        A service uses the token in its cache until shortly before it expires. Make it short, such as 5 s, and
        you see a new token every few payments. Tokens that were issued keep their time.
      </p>
      <SecondsForm
        label="Lifetime in seconds"
        button="Set the lifetime"
        accepts={(seconds) => Number.isInteger(seconds) && seconds >= 1 && seconds <= 86_400}
        rule="This must be a whole number from 1 to 86400."
        set={(seconds) => action.run(() => api.setTokenLifetime(seconds))}
      />
      <ErrorText error={action.error} />
    </div>
  );
}

interface SecondsFormProps {
  label: string;
  /** The name of the button. */
  button: string;
  accepts: (seconds: number) => boolean;
  /** Shown when the number is not accepted. */
  rule: string;
  /** Returns whether it succeeds. */
  set: (seconds: number) => Promise<boolean>;
}

function SecondsForm({ label, button, accepts, rule, set }: SecondsFormProps) {
  const [draft, setDraft] = useState('');
  const [invalid, setInvalid] = useState('');
  const submit = async (event: Event) => {
    event.preventDefault();
    const seconds = Number(draft);
    const isValid = draft.trim() !== '' && accepts(seconds);
    setInvalid(isValid ? '' : rule);
    if (isValid && (await set(seconds))) setDraft('');
  };
  return (
    <form class="inline-form" onSubmit={(event) => void submit(event)}>
      <NumberField
        label={label}
        error={invalid}
        value={draft}
        onValue={(value) => {
          setDraft(value);
          setInvalid('');
        }}
      />
      <button type="submit" class="button">
        {button}
      </button>
    </form>
  );
}

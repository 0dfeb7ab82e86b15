import { Field } from '../../components/Field';
import type { FaultDraft, FaultErrors } from './faultDraft';

interface NumberFieldProps {
  label: string;
  hint?: string;
  error?: string | undefined;
  value: string;
  onValue: (value: string) => void;
}

/** A whole number, as text: the form says what is wrong with it. */
export function NumberField({ label, hint = '', error = '', value, onValue }: NumberFieldProps) {
  return (
    <Field label={label} hint={hint} error={error}>
      {(field) => (
        <input
          {...field}
          inputMode="numeric"
          value={value}
          autocomplete="off"
          onInput={({ currentTarget }) => {
            onValue(currentTarget.value);
          }}
        />
      )}
    </Field>
  );
}

interface FaultNumbersProps {
  draft: FaultDraft;
  errors: FaultErrors;
  onChange: (changed: Partial<FaultDraft>) => void;
}

/** The numbers that a kind of fault has. */
export function FaultNumbers({ draft, errors, onChange }: FaultNumbersProps) {
  const { kind } = draft;
  return (
    <div class="field-pair">
      {kind === 'delay' && (
        <NumberField
          label="Delay in milliseconds"
          error={errors.milliseconds}
          value={draft.milliseconds}
          onValue={(milliseconds) => {
            onChange({ milliseconds });
          }}
        />
      )}
      {(kind === 'status' || kind === 'not_json') && (
        <NumberField
          label="Status"
          error={errors.status}
          value={draft.status}
          onValue={(status) => {
            onChange({ status });
          }}
        />
      )}
      {kind === 'status' && (
        <NumberField
          label="Retry-After in seconds"
          hint="Empty: no such header."
          error={errors.retryAfterSeconds}
          value={draft.retryAfterSeconds}
          onValue={(retryAfterSeconds) => {
            onChange({ retryAfterSeconds });
          }}
        />
      )}
      <NumberField
        label="Number of requests"
        hint="Empty: all, until you remove it."
        error={errors.count}
        value={draft.count}
        onValue={(count) => {
          onChange({ count });
        }}
      />
    </div>
  );
}

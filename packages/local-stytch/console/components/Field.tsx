import type { ComponentChild } from 'preact';
import { useId } from 'preact/hooks';

interface Props {
  label: string;
  hint?: string;
  /** What is wrong with the value. Empty: nothing. */
  error?: string;
  /** Gets the attributes of the input. */
  children: (field: FieldAttributes) => ComponentChild;
}

interface FieldAttributes {
  id: string;
  'aria-describedby': string | undefined;
  'aria-invalid': boolean | undefined;
}

/** An input with its label, a hint and what is wrong with it. */
export function Field({ label, hint, error = '', children }: Props) {
  const id = useId();
  const describedBy = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ');
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({
        id,
        'aria-describedby': describedBy || undefined,
        'aria-invalid': error ? true : undefined,
      })}
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {error && (
        <p class="failure" id={`${id}-error`} role="alert">
          {error}
        </p>
      )}
    </div>
  );
}

import { Scrollable } from './Scrollable';

interface Props {
  /** What it is, for screen readers. */
  label: string;
  /** A value, or JSON as text. Text that is no JSON is shown as it is. */
  value: unknown;
}

/** A value as indented JSON. */
export function JsonView({ label, value }: Props) {
  return (
    <Scrollable label={label} class="json">
      <pre>{indent(value)}</pre>
    </Scrollable>
  );
}

function indent(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value, null, 2);
  try {
    return JSON.stringify(JSON.parse(value), null, 2);
  } catch {
    return value;
  }
}

interface Props {
  /** Null: there is no answer, or not yet. */
  status: number | null;
  /** What to show without a status. All but `pending` and `done` are failures. Default: `pending`. */
  without?: string;
}

/** An HTTP status with a sign and a word for its kind: not by colour alone. */
export function Status({ status, without = 'pending' }: Props) {
  const { kind, sign, word } = kindOf(status, without);
  return (
    <span class={`status ${kind}`}>
      <span aria-hidden="true">{sign}</span> {status ?? without}
      {word && <span class="hidden"> {word}</span>}
    </span>
  );
}

function kindOf(status: number | null, without: string) {
  if (status === null) {
    if (without === 'pending') return { kind: 'pending', sign: '…', word: '' };
    if (without === 'done') return { kind: 'succeeded', sign: '✓', word: '' };
    return { kind: 'failed', sign: '✕', word: '' };
  }
  if (status >= 500) return { kind: 'failed', sign: '✕', word: 'failed' };
  if (status >= 400) return { kind: 'refused', sign: '✕', word: 'refused' };
  return { kind: 'succeeded', sign: '✓', word: 'succeeded' };
}

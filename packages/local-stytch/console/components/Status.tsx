interface Props {
  /** Null: there is no answer, or not yet. */
  status: number | null;
  /** What to show without a status. Default: `pending`. */
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
    return without === 'pending'
      ? { kind: 'pending', sign: '…', word: '' }
      : { kind: 'failed', sign: '✕', word: '' };
  }
  if (status >= 500) return { kind: 'failed', sign: '✕', word: 'failed' };
  if (status >= 400) return { kind: 'refused', sign: '✕', word: 'refused' };
  return { kind: 'succeeded', sign: '✓', word: 'succeeded' };
}

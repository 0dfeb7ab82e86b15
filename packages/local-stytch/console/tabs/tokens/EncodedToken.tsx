import type { ExplainedToken } from '../../../src/consoleApi';

/** The three parts of a token, each with its name and colour. The signature is masked. */
export function EncodedToken({ encoded }: { encoded: NonNullable<ExplainedToken['encoded']> }) {
  const parts = [
    ['header', 'Header', encoded.header],
    ['payload', 'Payload', encoded.payload],
    ['signature', 'Signature (masked)', encoded.signature],
  ] as const;
  return (
    <dl class="encoded">
      {parts.map(([part, title, text]) => (
        <div key={part} class={`encoded-part part-${part}`}>
          <dt>{title}</dt>
          <dd>
            <code>{text === '' ? '(empty)' : text}</code>
          </dd>
        </div>
      ))}
    </dl>
  );
}

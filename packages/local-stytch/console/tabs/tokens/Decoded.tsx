import { formatDate, formatRelative } from '../../format';
import type { JsonObject } from '../jsonObject';

const times: Record<string, string> = { exp: 'expires', iat: 'issued', nbf: 'valid from' };

interface DecodedProps {
  part: 'header' | 'payload';
  title: string;
  value: JsonObject;
  /** By the emulator's clock. Seconds since 1970. */
  now: number;
}

/** The JSON of a header or payload, with the times in words beside the numbers. */
export function Decoded({ part, title, value, now }: DecodedProps) {
  const entries = Object.entries(value);
  return (
    <section class={`decoded part-${part}`}>
      <h3>{title}</h3>
      <pre>
        {'{\n'}
        {entries.map(([name, content], index) => (
          <span key={name}>
            {`  ${JSON.stringify(name)}: ${indented(content)}${index < entries.length - 1 ? ',' : ''}`}
            <Time name={name} content={content} now={now} />
            {'\n'}
          </span>
        ))}
        {'}'}
      </pre>
    </section>
  );
}

function indented(value: unknown): string {
  return JSON.stringify(value, null, 2).replaceAll('\n', '\n  ');
}

function Time({ name, content, now }: { name: string; content: unknown; now: number }) {
  const meaning = Object.hasOwn(times, name) ? times[name] : undefined;
  if (meaning === undefined || typeof content !== 'number') return null;
  return (
    <span class="time-note">
      {`  ${meaning} ${formatDate(content * 1_000)} (${formatRelative(content - now)})`}
    </span>
  );
}

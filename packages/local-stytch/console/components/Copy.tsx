import { useEffect, useState } from 'preact/hooks';

const shownMilliseconds = 2_000;

interface Props {
  /** The button's name, such as `Copy as curl`. */
  label: string;
  /** What is copied. A function is called at the click. */
  text: string | (() => string);
}

/** Copies a text, and says so. */
export function Copy({ label, text }: Props) {
  const [said, setSaid] = useState('');
  useEffect(() => {
    if (said === '') return undefined;
    const timer = window.setTimeout(() => {
      setSaid('');
    }, shownMilliseconds);
    return () => {
      window.clearTimeout(timer);
    };
  }, [said]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(typeof text === 'string' ? text : text());
      setSaid('Copied');
    } catch {
      // Browsers allow it on HTTPS and on localhost only.
      setSaid('The browser refuses to copy');
    }
  };
  return (
    <span class="copy">
      <button type="button" class="button small" onClick={() => void copy()}>
        {label}
      </button>
      <span role="status" class="copied">
        {said}
      </span>
    </span>
  );
}

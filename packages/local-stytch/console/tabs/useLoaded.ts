import { useEffect, useState } from 'preact/hooks';

interface Loaded<Value> {
  /** Null: it is not loaded yet, or cannot be. */
  value: Value | null;
  error: unknown;
  /** When it was loaded, by `performance.now()`. Milliseconds. */
  at: number;
}

/**
 * Loads something, and again when the key changes. Until then the last value stays, unless the subject is another.
 *
 * @param subject what is loaded, such as `token 3`.
 * @param version changes when the same has to be loaded again.
 */
export function useLoaded<Value>(
  subject: string,
  version: string,
  load: () => Promise<Value>,
): Loaded<Value> {
  const [loaded, setLoaded] = useState<Loaded<Value> & { subject: string }>();
  useEffect(() => {
    let isCurrent = true;
    const set = (value: Value | null, error: unknown) => {
      if (isCurrent) setLoaded({ subject, value, error, at: performance.now() });
    };
    load().then(
      (value) => {
        set(value, null);
      },
      (error: unknown) => {
        set(null, error);
      },
    );
    return () => {
      isCurrent = false;
    };
  }, [subject, version]);
  return loaded?.subject === subject ? loaded : { value: null, error: null, at: 0 };
}

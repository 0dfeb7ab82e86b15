import { useState } from 'preact/hooks';

/** A call that a button or a form makes. */
export interface Action {
  isRunning: boolean;
  /** Why the last one failed; null when it did not. */
  error: unknown;
  /** @returns whether it succeeded. */
  run: (work: () => Promise<unknown>) => Promise<boolean>;
  clear: () => void;
}

/** Runs calls, and holds the error of the last one for the place where it is shown. */
export function useAction(): Action {
  const [isRunning, setRunning] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const run = async (work: () => Promise<unknown>) => {
    setRunning(true);
    setError(null);
    try {
      await work();
      return true;
    } catch (caught) {
      setError(caught);
      return false;
    } finally {
      setRunning(false);
    }
  };
  return {
    isRunning,
    error,
    run,
    clear: () => {
      setError(null);
    },
  };
}

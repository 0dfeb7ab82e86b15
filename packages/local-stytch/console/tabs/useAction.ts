import { useRef, useState } from 'preact/hooks';
import { rememberFocus } from './rememberFocus';

/** A call that a button or a form makes. */
export interface Action {
  /** Why the last one failed; null when it did not. */
  error: unknown;
  /**
   * Does nothing while the last one runs. (A button that is disabled meanwhile loses the focus.)
   *
   * @returns whether it succeeded.
   */
  run: (work: () => Promise<unknown>) => Promise<boolean>;
  clear: () => void;
}

/** Runs calls, and holds the error of the last one for the place where it is shown. */
export function useAction(): Action {
  const [error, setError] = useState<unknown>(null);
  const isRunning = useRef(false);
  const run = async (work: () => Promise<unknown>) => {
    if (isRunning.current) return false;
    isRunning.current = true;
    const restoreFocus = rememberFocus();
    setError(null);
    try {
      await work();
      return true;
    } catch (caught) {
      setError(caught);
      return false;
    } finally {
      isRunning.current = false;
      restoreFocus();
    }
  };
  return {
    error,
    run,
    clear: () => {
      setError(null);
    },
  };
}

import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';

interface SplitPanelProps {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
}

/** The details of what is selected, beside or, in a narrow window, above the list. Escape closes it. */
export function SplitPanel({ title, onClose, children }: SplitPanelProps) {
  const panel = useRef<HTMLElement>(null);
  const titleId = useId();
  useEffect(() => {
    const closeOnEscape = (event: KeyboardEvent) => {
      if (event.key === 'Escape' && !document.querySelector('dialog[open]')) onClose();
    };
    document.addEventListener('keydown', closeOnEscape);
    return () => {
      document.removeEventListener('keydown', closeOnEscape);
    };
  }, [onClose]);
  return (
    <section ref={panel} class="split-panel card" aria-labelledby={titleId}>
      <div class="split-head">
        <h2 id={titleId}>{title}</h2>
        <button type="button" class="button small" onClick={onClose}>
          Close
        </button>
      </div>
      {children}
    </section>
  );
}

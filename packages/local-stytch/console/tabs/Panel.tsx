import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';

interface PanelProps {
  title: string;
  /** Whether it takes the focus. Default: only where it is shown in place of the list. */
  takesFocus?: boolean;
  onClose: () => void;
  children: ComponentChildren;
}

/** The details of what is selected: beside the list, or in a narrow window in place of it. Escape closes it. */
export function Panel({ title, takesFocus = false, onClose, children }: PanelProps) {
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
  useEffect(() => {
    const isAlone = document.querySelector('.pair-list')?.checkVisibility() === false;
    if ((takesFocus || isAlone) && !panel.current?.contains(document.activeElement)) panel.current?.focus();
    return focusListAfterwards;
  }, []);
  return (
    <section ref={panel} class="pair-panel card stack" aria-labelledby={titleId} tabIndex={-1}>
      <div class="pair-head">
        <h2 id={titleId}>{title}</h2>
        <button type="button" class="button small" onClick={onClose}>
          Close
        </button>
      </div>
      {children}
    </section>
  );
}

/** The focus was in the panel, which is gone: back to the list. */
function focusListAfterwards(): void {
  window.setTimeout(() => {
    if (document.activeElement !== document.body) return;
    const list = document.querySelector('.pair-list');
    const target = list?.querySelector<HTMLElement>('[role=listbox]') ?? list?.querySelector('button');
    target?.focus();
  });
}
